import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { eachTap, tilingOf, transposed } from "./tiles.ts";
import { expectDType, expectOperands, expectRank } from "./types.ts";

/** Made by the choice of Winograd's algorithm (compiler/3-passes/winograd.ts); never part of a model. */
export const tile = defineOp({
  name: "tile",
  doc: "x [N, C, H, W] → [a², N, T, C]: each b × b patch X (zeros outside the image) becomes the a × a points L X Lᵀ, with L = `matrix` (a × b). The adjoint of `untile`.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("tile", inputs, 1);
    expectDType("tile", inputs[0], ["f32"]);
    expectRank("tile", "operand", inputs[0], ["n", "channels", "height", "width"]);
    const { matrix, tiles } = tilingOf(attrs);
    if (inputs[0].shape.slice(1).includes("n")) throw new ShapeError("tile: only the first axis may be the samples");
    return { dtype: "f32", shape: [matrix.length ** 2, inputs[0].shape[0], tiles[0] * tiles[1], inputs[0].shape[1]] };
  },
  grad: (b, { inputs: [x], attrs, dy }) => [
    b.op("untile", [dy], { ...attrs, matrix: transposed(tilingOf(attrs).matrix), shape: x.type.shape }),
  ],
  reference([x], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    eachTap(x.shape, tilingOf(attrs), true, (image, points, weight) => {
      out.data[points] += weight * x.data[image];
    });
    return out;
  },
  samples: [
    {
      inputs: [{ shape: ["n", 5, 6, 7] }],
      attrs: {
        matrix: [
          [1, 0, -1],
          [0, 1, 0.5],
          [0, -1, 0.5],
        ],
        stride: 2,
        padding: [1, 1],
        tiles: [3, 4],
      },
      n: 2,
    },
    {
      inputs: [{ shape: [4, 3, 3, 3] }],
      attrs: {
        matrix: [
          [1, 0, 0],
          [0.5, 0.5, 0.5],
          [0.5, -0.5, 0.5],
          [0, 0, 1],
        ],
        stride: 3,
        padding: [0, 0],
        tiles: [1, 1],
      },
    },
    {
      inputs: [{ shape: ["n", 8, 5, 4] }],
      attrs: {
        matrix: [
          [1, 0],
          [1, 1],
          [1, -1],
          [0, 1],
        ],
        stride: 2,
        padding: [0, 0],
        tiles: [3, 2],
      },
      n: 1,
    },
  ],
});
