import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands, expectRank, fixedSize } from "./types.ts";

export const gatherRows = defineOp({
  name: "gather_rows",
  doc: "table [rows, columns] and index i32 [..] → [.., columns]: y[.., j] = table[index[..], j]; 0 where the index is no row. dtable = scatter_rows(dy).",
  category: "kernel",
  infer(inputs) {
    expectOperands("gather_rows", inputs, 2);
    const [table, index] = inputs;
    expectRank("gather_rows", "table", table, ["rows", "columns"]);
    expectDType("gather_rows", table, ["f32"]);
    expectDType("gather_rows (index)", index, ["i32"]);
    if (index.shape.length === 0) throw new ShapeError("gather_rows: the index must have an axis");
    fixedSize("gather_rows", "rows", table, 0);
    return { dtype: "f32", shape: [...index.shape, fixedSize("gather_rows", "columns", table, 1)] };
  },
  grad: (b, { inputs: [table, index], dy }) => [
    b.op("scatter_rows", [dy, index], { rows: table.type.shape[0] as number }),
    null,
  ],
  reference([table, index], _, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    const [rows, columns] = table.shape;
    index.data.forEach((row, i) => {
      if (row < 0 || row >= rows) return;
      out.data.set(table.data.subarray(row * columns, (row + 1) * columns), i * columns);
    });
    return out;
  },
  samples: [
    { inputs: [{ shape: [7, 5] }, { shape: ["n"], dtype: "i32", range: [0, 7] }], n: 3 },
    { inputs: [{ shape: [3, 8] }, { shape: ["n", 5], dtype: "i32", range: [-2, 5] }], n: 2 },
    { inputs: [{ shape: [9, 13] }, { shape: ["n", 2, 3], dtype: "i32", range: [0, 9] }], n: 1 },
    { inputs: [{ shape: [4, 1] }, { shape: [6], dtype: "i32", range: [0, 4] }] },
  ],
});
