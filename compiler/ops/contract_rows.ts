import { ShapeError } from "../diagnostics.ts";
import { sameShape } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { concrete, elements, zeros } from "./tensor.ts";
import { allAxes, expectDType, expectOperands, numberAttr, showShape } from "./types.ts";

export const contractRows = defineOp({
  name: "contract_rows",
  doc: "[batch.., m.., i] and [batch.., m.., j] → [batch.., i, j]: y = Σₘ a[.., m, i] b[.., m, j] over every axis between the first `batch` and the last. da = b dyᵀ, db = a dy.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("contract_rows", inputs, 2);
    for (const type of inputs) expectDType("contract_rows", type, ["f32"]);
    const [a, b] = inputs.map((type) => type.shape);
    if (!sameShape(a.slice(0, -1), b.slice(0, -1))) {
      throw new ShapeError(`contract_rows: the rows of ${showShape(a)} and ${showShape(b)} differ`);
    }
    return { dtype: "f32", shape: [...a.slice(0, numberAttr(attrs, "batch")), a[a.length - 1], b[b.length - 1]] };
  },
  grad(b, { inputs: [x, z], attrs, dy }) {
    const rank = numberAttr(attrs, "batch") + 2;
    const perm = [...allAxes(rank - 2), rank - 1, rank - 2];
    return [b.matmul(z, b.transpose(dy, perm)), b.matmul(x, dy)];
  },
  reference([a, b], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    const [rowsOf, columns] = out.shape.slice(-2);
    const matrices = elements(out.shape.slice(0, numberAttr(attrs, "batch")));
    const lines = elements(a.shape) / rowsOf;
    for (let line = 0; line < lines; line++) {
      const start = Math.floor(line / (lines / matrices)) * rowsOf * columns;
      for (let i = 0; i < rowsOf; i++) {
        for (let j = 0; j < columns; j++) {
          out.data[start + i * columns + j] += a.data[line * rowsOf + i] * b.data[line * columns + j];
        }
      }
    }
    return out;
  },
  samples: [
    { inputs: [{ shape: ["n", 3, 5] }, { shape: ["n", 3, 9] }], attrs: { batch: 0 }, n: 3 },
    { inputs: [{ shape: ["n", 2, 7] }, { shape: ["n", 2, 5] }], attrs: { batch: 0 }, n: 1 },
    { inputs: [{ shape: [2, 3, 7, 6] }, { shape: [2, 3, 7, 12] }], attrs: { batch: 1 } },
    { inputs: [{ shape: [2, 9, 5] }, { shape: [2, 9, 3] }], attrs: { batch: 1 } },
  ],
});
