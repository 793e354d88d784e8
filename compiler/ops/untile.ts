import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { eachTap, tilingOf, transposed } from "./tiles.ts";
import { expectDType, expectOperands, shapeAttr, showShape } from "./types.ts";

/** Made by the choice of Winograd's algorithm (compiler/3-passes/winograd.ts); never part of a model. */
export const untile = defineOp({
  name: "untile",
  doc: "y [a², N, T, C] → `shape` [N, C, H, W]: each a × a block of points Y becomes the b × b patch R Y Rᵀ, with R = `matrix` (b × a); patches that overlap are added, what lies outside the image is dropped. The adjoint of `tile`.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("untile", inputs, 1);
    expectDType("untile", inputs[0], ["f32"]);
    const { matrix, tiles } = tilingOf(attrs);
    const shape = shapeAttr(attrs, "shape");
    const want = [matrix[0].length ** 2, shape[0], tiles[0] * tiles[1], shape[1]];
    if (want.some((dim, i) => dim !== inputs[0].shape[i])) {
      throw new ShapeError(`untile: the points must be ${showShape(want)}, found ${showShape(inputs[0].shape)}`);
    }
    return { dtype: "f32", shape };
  },
  grad(b, { attrs, dy }) {
    const { shape: _, ...tiling } = attrs;
    return [b.op("tile", [dy], { ...tiling, matrix: transposed(tilingOf(attrs).matrix) })];
  },
  reference([y], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    eachTap(out.shape, tilingOf(attrs), false, (image, points, weight) => {
      out.data[image] += weight * y.data[points];
    });
    return out;
  },
  samples: [
    {
      inputs: [{ shape: [9, "n", 12, 5] }],
      attrs: {
        matrix: [
          [1, 0, 0.5],
          [0, 1, 1],
          [-1, 0.5, 0],
        ],
        stride: 2,
        padding: [1, 1],
        tiles: [3, 4],
        shape: ["n", 5, 6, 7],
      },
      n: 2,
    },
    {
      inputs: [{ shape: [16, "n", 6, 8] }],
      attrs: {
        matrix: [
          [1, 1, 1, 0],
          [0, 1, -1, 1],
        ],
        stride: 2,
        padding: [0, 0],
        tiles: [3, 2],
        shape: ["n", 8, 5, 4],
      },
      n: 1,
    },
    {
      inputs: [{ shape: [16, 6, 1, 3] }],
      attrs: {
        matrix: [
          [1, 0.5, 0.5, 0],
          [0, 0.5, -0.5, 0],
          [0, 0.5, 0.5, 1],
        ],
        stride: 3,
        padding: [0, 0],
        tiles: [1, 1],
        shape: [6, 3, 3, 3],
      },
    },
  ],
});
