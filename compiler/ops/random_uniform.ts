import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { uniform } from "./philox-reference.ts";
import { concrete, tensorOf } from "./tensor.ts";
import { expectOperands, numberAttr, shapeAttr } from "./types.ts";

export const randomUniform = defineOp({
  name: "random_uniform",
  doc: "Uniform in [0, 1), multiples of 2^−24: Philox2x32-10 with counter (⌊i / 8⌋·4 + i mod 4, step) and key seed xor `site`·0x9E3779B9, word ⌊i / 4⌋ mod 2, i the row-major index of the element.",
  category: "index",
  infer(inputs, attrs) {
    expectOperands("random_uniform", inputs, 0);
    if (!Number.isInteger(numberAttr(attrs, "site"))) throw new ShapeError("random_uniform: site must be an integer");
    return { dtype: "f32", shape: shapeAttr(attrs, "shape") };
  },
  reference: (_, attrs, type, { n, seed, step }) =>
    tensorOf(concrete(type.shape, n), (i) => uniform(i, step, seed, numberAttr(attrs, "site"))),
  samples: [
    { inputs: [], attrs: { shape: [7], site: 1 } },
    { inputs: [], attrs: { shape: ["n", 3, 5], site: 2 }, n: 3 },
    { inputs: [], attrs: { shape: ["n"], site: 0 }, n: 1 },
    { inputs: [], attrs: { shape: [45], site: 3 } },
  ],
});
