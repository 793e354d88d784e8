/** Sizes on which the pooling primitives are tested. */
import type { Attrs, Dim, Shape } from "../ir/graph.ts";
import { poolShape } from "./window.ts";

export interface PoolCase {
  readonly x: Shape;
  readonly y: readonly Dim[];
  readonly attrs: Attrs;
  /** Cells in a window. */
  readonly cells: number;
  readonly n: number;
}

function poolCase(x: Shape, n: number, kernel: readonly [number, number], options: Attrs = {}): PoolCase {
  const attrs = { kernel, stride: kernel, padding: [0, 0, 0, 0], ...options };
  const y = poolShape("pool", { dtype: "f32", shape: x }, attrs);
  return { x, y, attrs, cells: kernel[0] * kernel[1], n };
}

export const poolCases: readonly PoolCase[] = [
  poolCase(["n", 3, 8, 8], 2, [2, 2]),
  // Rows and columns that no window reaches.
  poolCase(["n", 1, 5, 7], 1, [2, 2]),
  // Overlapping windows.
  poolCase(["n", 2, 7, 6], 3, [3, 3], { stride: [2, 2], padding: [1, 1, 1, 1] }),
  poolCase(["n", 5, 6, 5], 1, [3, 2], { stride: [1, 1], padding: [0, 1, 2, 0] }),
  poolCase(["n", 2, 9, 9], 2, [2, 3], { stride: [3, 4] }),
  poolCase([2, 3, 4, 4], 1, [4, 4]),
];
