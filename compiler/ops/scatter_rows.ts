import { ShapeError } from "../diagnostics.ts";
import { sameShape } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands, fixedSize, numberAttr, showShape } from "./types.ts";

export const scatterRows = defineOp({
  name: "scatter_rows",
  doc: "x [.., columns] and index i32 [..] → [`rows`, columns]: y[r, j] = Σ x[.., j] over the places where the index is r, in row-major order; an index that is no row counts nowhere. dx = gather_rows(dy).",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("scatter_rows", inputs, 2);
    const [x, index] = inputs;
    expectDType("scatter_rows", x, ["f32"]);
    expectDType("scatter_rows (index)", index, ["i32"]);
    if (index.shape.length === 0 || !sameShape(x.shape.slice(0, -1), index.shape)) {
      const shapes = `${showShape(index.shape)} for ${showShape(x.shape)}`;
      throw new ShapeError(`scatter_rows needs an index for each row, found ${shapes}`);
    }
    const rows = numberAttr(attrs, "rows");
    if (!Number.isInteger(rows) || rows < 1) throw new ShapeError("scatter_rows: rows must be a positive integer");
    return { dtype: "f32", shape: [rows, fixedSize("scatter_rows", "columns", x, x.shape.length - 1)] };
  },
  grad: (b, { inputs: [, index], dy }) => [b.op("gather_rows", [dy, index]), null],
  reference([x, index], _, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    const [rows, columns] = out.shape;
    index.data.forEach((row, i) => {
      if (row < 0 || row >= rows) return;
      for (let j = 0; j < columns; j++) out.data[row * columns + j] += x.data[i * columns + j];
    });
    return out;
  },
  samples: [
    { inputs: [{ shape: ["n", 5] }, { shape: ["n"], dtype: "i32", range: [0, 4] }], attrs: { rows: 4 }, n: 7 },
    { inputs: [{ shape: ["n", 5, 8] }, { shape: ["n", 5], dtype: "i32", range: [-2, 5] }], attrs: { rows: 3 }, n: 2 },
    { inputs: [{ shape: ["n", 2, 13] }, { shape: ["n", 2], dtype: "i32", range: [0, 9] }], attrs: { rows: 9 }, n: 1 },
    { inputs: [{ shape: [6, 1] }, { shape: [6], dtype: "i32", range: [0, 2] }], attrs: { rows: 2 } },
  ],
});
