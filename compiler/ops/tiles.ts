/** What `tile` and `untile` share: overlapping square patches of feature maps and their transforms. */
import type { Attrs } from "../ir/graph.ts";
import { integersAttr, numberAttr } from "./types.ts";

export interface Tiling {
  /** Rows × columns; applied to both axes of a patch. */
  readonly matrix: readonly (readonly number[])[];
  /** Pixels from one patch to the next. */
  readonly stride: number;
  /** Rows and columns of the first patch that lie before the image. */
  readonly padding: readonly number[];
  /** Patches down and across. */
  readonly tiles: readonly number[];
}

export function tilingOf(attrs: Attrs): Tiling {
  return {
    matrix: attrs.matrix as unknown as readonly (readonly number[])[],
    stride: numberAttr(attrs, "stride"),
    padding: integersAttr(attrs, "padding"),
    tiles: integersAttr(attrs, "tiles"),
  };
}

export function transposed(matrix: readonly (readonly number[])[]): number[][] {
  return matrix[0].map((_, j) => matrix.map((row) => row[j]));
}

/**
 * Calls visit(image, points, weight) for every pair of a pixel and a transformed point, as offsets into x [N, C, H, W] and
 * y [P, N, T, C], with the weight matrix[i][u]·matrix[j][v] (or of its transpose).
 */
export function eachTap(
  x: readonly number[],
  tiling: Tiling,
  toPoints: boolean,
  visit: (image: number, points: number, weight: number) => void,
): void {
  const [samples, channels, height, width] = x;
  const matrix = toPoints ? tiling.matrix : transposed(tiling.matrix);
  const [size, patch] = [matrix.length, matrix[0].length];
  const [down, across] = tiling.tiles;
  for (let n = 0; n < samples; n++)
    for (let t = 0; t < down * across; t++)
      for (let u = 0; u < patch; u++)
        for (let v = 0; v < patch; v++) {
          const row = Math.floor(t / across) * tiling.stride + u - tiling.padding[0];
          const column = (t % across) * tiling.stride + v - tiling.padding[1];
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          for (let i = 0; i < size; i++)
            for (let j = 0; j < size; j++) {
              const weight = matrix[i][u] * matrix[j][v];
              if (weight === 0) continue;
              for (let c = 0; c < channels; c++) {
                const image = ((n * channels + c) * height + row) * width + column;
                visit(image, (((i * size + j) * samples + n) * down * across + t) * channels + c, weight);
              }
            }
        }
}
