import { ShapeError } from "../diagnostics.ts";
import { commonShape, step } from "./elementwise.ts";
import { defineOp } from "./op.ts";
import { concrete, tensorOf } from "./tensor.ts";
import { expectDType, expectOperands, showType } from "./types.ts";

export const where = defineOp({
  name: "where",
  doc: "cond ? a : b at each index. The gradient goes to the branch taken; the other gets 0, whatever it holds.",
  category: "elementwise",
  infer(inputs) {
    expectOperands("where", inputs, 3);
    const [cond, a, b] = inputs;
    expectDType("where (condition)", cond, ["bool"]);
    for (const type of [a, b]) expectDType("where", type, ["f32", "i32"]);
    if (a.dtype !== b.dtype) {
      throw new ShapeError(`where: element types of ${showType(a)} and ${showType(b)} differ`);
    }
    return { dtype: a.dtype, shape: commonShape("where", inputs) };
  },
  grad: (b, { inputs: [cond], dy }) => [null, b.where(cond, dy, 0), b.where(cond, 0, dy)],
  reference([cond, a, b], _, type, { n }) {
    const [dc, da, db] = [cond, a, b].map(step);
    return tensorOf(concrete(type.shape, n), (i) => (cond.data[i * dc] ? a.data[i * da] : b.data[i * db]));
  },
  scalar: (e, [cond, a, b]) => e.select(cond, a, b),
  samples: [
    { inputs: [{ shape: [2, 3], dtype: "bool" }, { shape: [2, 3] }, { shape: [2, 3] }] },
    { inputs: [{ shape: ["n", 7], dtype: "bool" }, { shape: ["n", 7] }, { shape: [] }], n: 3 },
    { inputs: [{ shape: [], dtype: "bool" }, { shape: [5] }, { shape: [5] }] },
    { inputs: [{ shape: [5], dtype: "bool" }, { shape: [] }, { shape: [] }] },
    { inputs: [{ shape: [], dtype: "bool" }, { shape: [] }, { shape: [] }] },
  ],
});
