import { ShapeError } from "../diagnostics.ts";
import { sizeOf } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { concrete } from "./tensor.ts";
import { expectOperands, shapeAttr, showShape } from "./types.ts";

export const reshape = defineOp({
  name: "reshape",
  doc: "The same elements in row-major order, in another `shape`.",
  category: "view",
  infer(inputs, attrs) {
    expectOperands("reshape", inputs, 1);
    const from = inputs[0].shape;
    const shape = shapeAttr(attrs, "shape");
    const both = (dims: typeof shape) =>
      `${showShape(dims)} has ${sizeOf(dims, 1)} elements${dims.includes("n") ? " per sample" : ""}`;
    if (from.includes("n") && !shape.includes("n")) {
      throw new ShapeError(
        `reshape: ${showShape(from)} has an axis n of samples, ${showShape(shape)} has none: write ${showShape(["n", ...shape])}`,
      );
    }
    if (sizeOf(from, 1) !== sizeOf(shape, 1) || shape.includes("n") !== from.includes("n")) {
      throw new ShapeError(`reshape: ${both(from)}, but ${both(shape)}`);
    }
    return { dtype: inputs[0].dtype, shape };
  },
  grad: (b, { inputs: [x], dy }) => [b.reshape(dy, x.type.shape)],
  reference: ([x], _, type, { n }) => ({ shape: concrete(type.shape, n), data: x.data }),
  samples: [
    { inputs: [{ shape: [2, 6] }], attrs: { shape: [3, 4] } },
    { inputs: [{ shape: ["n", 2, 3, 5] }], attrs: { shape: ["n", 30] }, n: 3 },
    { inputs: [{ shape: [1] }], attrs: { shape: [] } },
    { inputs: [{ shape: ["n", 6] }], attrs: { shape: ["n", 1, 6, 1] }, n: 1 },
  ],
});
