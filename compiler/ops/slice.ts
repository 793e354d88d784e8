import { ShapeError } from "../diagnostics.ts";
import type { Dim, TensorType } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { concrete, gather, stridesOf } from "./tensor.ts";
import { expectOperands, integersAttr, shapeAttr, showShape } from "./types.ts";

/** ⌈(limit − start) / stride⌉; the sample axis is taken whole. */
function sliceSize({ shape }: TensorType, axis: number, start: number, limit: Dim, stride: number): Dim {
  if (shape[axis] === "n" || limit === "n") {
    if (shape[axis] === limit && start === 0 && stride === 1) return "n";
    throw new ShapeError(`slice: the sample axis of ${showShape(shape)} can only be taken whole`);
  }
  if (start < 0 || limit > shape[axis] || start >= limit || stride < 1) {
    throw new ShapeError(`slice: ${start}:${limit}:${stride} is no part of axis ${axis} of ${showShape(shape)}`);
  }
  return Math.ceil((limit - start) / stride);
}

export const slice = defineOp({
  name: "slice",
  doc: "Elements `starts`, starts + strides, … below `limits` along each axis. The gradient is 0 elsewhere.",
  category: "view",
  infer(inputs, attrs) {
    expectOperands("slice", inputs, 1);
    const starts = integersAttr(attrs, "starts");
    const limits = shapeAttr(attrs, "limits");
    const strides = integersAttr(attrs, "strides");
    const { dtype, shape } = inputs[0];
    if ([starts, limits, strides].some((list) => list.length !== shape.length)) {
      throw new ShapeError(`slice: starts, limits and strides must name each axis of ${showShape(shape)}`);
    }
    return { dtype, shape: starts.map((start, i) => sliceSize(inputs[0], i, start, limits[i], strides[i])) };
  },
  grad(b, { inputs: [x], attrs, value, dy }) {
    const low = integersAttr(attrs, "starts");
    const interior = integersAttr(attrs, "strides").map((stride) => stride - 1);
    const high = x.type.shape.map((size, i) => {
      const taken = value.type.shape[i];
      return size === "n" || taken === "n" ? 0 : size - low[i] - ((taken - 1) * (interior[i] + 1) + 1);
    });
    return [b.op("pad", [dy], { low, high, interior, value: 0 })];
  },
  reference([x], attrs, type, { n }) {
    const own = stridesOf(x.shape);
    const offset = integersAttr(attrs, "starts").reduce((at, start, i) => at + start * own[i], 0);
    const strides = integersAttr(attrs, "strides").map((stride, i) => stride * own[i]);
    return gather(x, concrete(type.shape, n), strides, offset);
  },
  samples: [
    { inputs: [{ shape: [7] }], attrs: { starts: [1], limits: [6], strides: [2] } },
    { inputs: [{ shape: ["n", 3, 5] }], attrs: { starts: [0, 1, 0], limits: ["n", 2, 5], strides: [1, 1, 3] }, n: 3 },
    { inputs: [{ shape: [4, 6] }], attrs: { starts: [0, 2], limits: [4, 6], strides: [3, 1] } },
  ],
});
