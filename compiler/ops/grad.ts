import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { expectDType, expectOperands, showShape } from "./types.ts";

export const grad = defineOp({
  name: "grad",
  doc: "d loss / d wrt, for a scalar loss: stands for the gradient until the differentiate pass writes it out.",
  category: "kernel",
  infer(inputs) {
    expectOperands("grad", inputs, 2);
    const [loss, wrt] = inputs;
    for (const type of inputs) expectDType("grad", type, ["f32"]);
    if (loss.shape.length > 0) {
      throw new ShapeError(
        `only a scalar can be differentiated, found a loss of shape ${showShape(loss.shape)}`,
        "reduce it with mean or sum",
      );
    }
    return wrt;
  },
  samples: [],
});
