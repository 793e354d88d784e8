import { ShapeError } from "../diagnostics.ts";
import type { Builder } from "../ir/builder.ts";
import { type Shape, sameShape, type Value } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { concrete, elements, zeros } from "./tensor.ts";
import { allAxes, expectDType, expectOperands, showShape } from "./types.ts";

function expectMatrix(side: string, shape: Shape): void {
  if (shape.length >= 2) return;
  throw new ShapeError(`matmul: the ${side} operand must be a matrix, found shape ${showShape(shape)}`);
}

/** Swaps the last two axes. */
function swapped(b: Builder, x: Value): Value {
  const perm = allAxes(x.type.shape.length);
  return b.transpose(x, [...perm.slice(0, -2), perm.length - 1, perm.length - 2]);
}

export const matmul = defineOp({
  name: "matmul",
  doc: "[.., m.., k] × [.., k, n] → [.., m.., n]: y = Σₖ a[.., m.., k] b[.., k, n]; the left operand may have several axes of rows. da = dy bᵀ, db = aᵀ dy.",
  category: "kernel",
  infer(inputs) {
    expectOperands("matmul", inputs, 2);
    for (const type of inputs) expectDType("matmul", type, ["f32"]);
    const [a, b] = inputs.map((type) => type.shape);
    expectMatrix("left", a);
    expectMatrix("right", b);
    const [features, rows] = [a[a.length - 1], b[b.length - 2]];
    const both = `${showShape(a)} × ${showShape(b)}`;
    if (features !== rows) {
      throw new ShapeError(
        `matmul ${both}: the left operand has ${features} features (its last axis), the right one takes ${rows}`,
      );
    }
    if (a.length < b.length || !sameShape(a.slice(0, b.length - 2), b.slice(0, -2))) {
      throw new ShapeError(`matmul ${both}: the batch axes differ`);
    }
    return { dtype: "f32", shape: [...a.slice(0, -1), b[b.length - 1]] };
  },
  grad(b, { inputs: [x, w], dy }) {
    const rank = w.type.shape.length;
    const dw =
      x.type.shape.length === rank ? b.matmul(swapped(b, x), dy) : b.op("contract_rows", [x, dy], { batch: rank - 2 });
    return [b.matmul(dy, swapped(b, w)), dw];
  },
  reference([a, b], _, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    const [inner, columns] = b.shape.slice(-2);
    const matrices = elements(b.shape.slice(0, -2));
    const rows = elements(a.shape) / (matrices * inner);
    for (let line = 0; line < matrices * rows; line++) {
      const bStart = Math.floor(line / rows) * inner * columns;
      for (let k = 0; k < inner; k++) {
        const factor = a.data[line * inner + k];
        const bRow = bStart + k * columns;
        for (let j = 0; j < columns; j++) out.data[line * columns + j] += factor * b.data[bRow + j];
      }
    }
    return out;
  },
  samples: [
    { inputs: [{ shape: ["n", 5] }, { shape: [5, 7] }], n: 3 },
    { inputs: [{ shape: ["n", 9] }, { shape: [9, 1] }], n: 1 },
    { inputs: [{ shape: [6, "n"] }, { shape: ["n", 10] }], n: 5 },
    { inputs: [{ shape: [2, 3, 5] }, { shape: [2, 5, 4] }] },
    { inputs: [{ shape: [13, 17] }, { shape: [17, 19] }] },
    { inputs: [{ shape: ["n", 3, 5] }, { shape: [5, 9] }], n: 3 },
    { inputs: [{ shape: [2, 3, 7, 5] }, { shape: [2, 5, 12] }] },
  ],
});
