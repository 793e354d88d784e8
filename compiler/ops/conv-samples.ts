/** Sizes on which the three convolution primitives are tested. */
import type { Attrs, Dim, Shape } from "../ir/graph.ts";
import { convShape } from "./window.ts";

export interface ConvCase {
  readonly x: Shape;
  readonly w: Shape;
  readonly y: readonly Dim[];
  readonly attrs: Attrs;
  readonly n: number;
}

function convCase(x: Shape, w: Shape, n: number, options: Attrs = {}): ConvCase {
  const attrs = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1, ...options };
  const y = convShape("conv2d", { dtype: "f32", shape: x }, { dtype: "f32", shape: w }, attrs);
  return { x, w, y, attrs, n };
}

export const convCases: readonly ConvCase[] = [
  convCase(["n", 3, 8, 8], [8, 3, 3, 3], 2, { padding: [1, 1, 1, 1] }),
  convCase(["n", 1, 5, 7], [3, 1, 3, 3], 1),
  convCase(["n", 3, 7, 6], [5, 3, 5, 5], 3, { padding: [2, 2, 2, 2] }),
  // The stride leaves a remainder: the last row and column of x meet no window.
  convCase(["n", 2, 8, 9], [6, 2, 3, 3], 2, { stride: [2, 3] }),
  convCase(["n", 2, 8, 8], [4, 2, 3, 3], 1, { stride: [2, 2], padding: [1, 1, 1, 1] }),
  convCase(["n", 2, 9, 7], [3, 2, 3, 2], 2, { dilation: [2, 3], padding: [2, 1, 0, 3] }),
  convCase(["n", 6, 5, 5], [9, 2, 3, 3], 2, { groups: 3, padding: [1, 0, 1, 2] }),
  convCase(["n", 5, 4, 4], [5, 1, 3, 3], 3, { groups: 5, padding: [1, 1, 1, 1], stride: [2, 1] }),
  // Depthwise: whole and broken vectors of channels, kernels of one and of several pieces, strides, dilation.
  convCase(["n", 8, 6, 9], [8, 1, 3, 3], 2, { groups: 8, padding: [1, 1, 1, 1] }),
  convCase(["n", 6, 9, 8], [6, 1, 5, 5], 2, { groups: 6, padding: [2, 2, 2, 2], stride: [2, 2] }),
  convCase(["n", 4, 7, 9], [4, 1, 2, 7], 2, { groups: 4, padding: [0, 3, 1, 3], dilation: [2, 1] }),
  // Groups of several channels, and several results of one channel.
  convCase(["n", 16, 4, 6], [24, 8, 3, 3], 2, { groups: 2, padding: [1, 1, 1, 1], stride: [2, 2] }),
  convCase(["n", 3, 5, 6], [6, 1, 3, 3], 2, { groups: 3, padding: [1, 1, 1, 1] }),
  // Strides beyond the kernel, and with a dilation that shares a factor with them.
  convCase(["n", 5, 9, 8], [12, 5, 2, 1], 1, { stride: [3, 2] }),
  convCase(["n", 4, 11, 10], [9, 4, 3, 3], 1, { stride: [2, 4], dilation: [2, 3], padding: [1, 3, 2, 4] }),
  convCase(["n", 4, 5, 3], [7, 4, 1, 1], 2),
  convCase(["n", 3, 6, 6], [4, 3, 1, 1], 1, { stride: [2, 2] }),
  convCase([2, 3, 4, 5], [2, 3, 4, 5], 1),
];
