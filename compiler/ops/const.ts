import { defineOp } from "./op.ts";
import { tensorOf } from "./tensor.ts";
import { expectOperands, floatAttr } from "./types.ts";

export const constant = defineOp({
  name: "const",
  doc: 'A number, `value`; a non-finite one is written as "Infinity", "-Infinity" or "NaN". f32 of rank 0.',
  category: "leaf",
  infer(inputs, attrs) {
    expectOperands("const", inputs, 0);
    floatAttr(attrs, "value");
    return { dtype: "f32", shape: [] };
  },
  reference: (_, attrs) => tensorOf([], () => floatAttr(attrs, "value")),
  samples: [{ inputs: [], attrs: { value: 2.5 } }],
});
