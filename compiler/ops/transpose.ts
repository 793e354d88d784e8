import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { gather, stridesOf } from "./tensor.ts";
import { expectOperands, integersAttr, showShape } from "./types.ts";

export const transpose = defineOp({
  name: "transpose",
  doc: "Axis i of the result is axis `perm[i]` of x.",
  category: "view",
  infer(inputs, attrs) {
    expectOperands("transpose", inputs, 1);
    const { dtype, shape } = inputs[0];
    const perm = integersAttr(attrs, "perm");
    if (perm.length !== shape.length || shape.some((_, axis) => !perm.includes(axis))) {
      throw new ShapeError(`transpose: [${perm.join(", ")}] is no permutation of the axes of ${showShape(shape)}`);
    }
    return { dtype, shape: perm.map((axis) => shape[axis]) };
  },
  grad(b, { attrs, dy }) {
    const perm = integersAttr(attrs, "perm");
    return [
      b.transpose(
        dy,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
    ];
  },
  reference([x], attrs) {
    const perm = integersAttr(attrs, "perm");
    const strides = stridesOf(x.shape);
    return gather(
      x,
      perm.map((axis) => x.shape[axis]),
      perm.map((axis) => strides[axis]),
    );
  },
  samples: [
    { inputs: [{ shape: [2, 3] }], attrs: { perm: [1, 0] } },
    { inputs: [{ shape: ["n", 3, 5, 2] }], attrs: { perm: [0, 2, 3, 1] }, n: 3 },
    { inputs: [{ shape: ["n", 7] }], attrs: { perm: [1, 0] }, n: 5 },
    { inputs: [{ shape: [4, 1, 3] }], attrs: { perm: [2, 0, 1] } },
  ],
});
