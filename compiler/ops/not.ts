import { defineOp } from "./op.ts";
import { tensorOf } from "./tensor.ts";
import { expectDType, expectOperands } from "./types.ts";

export const not = defineOp({
  name: "not",
  doc: "Logical negation of a bool.",
  category: "elementwise",
  infer(inputs) {
    expectOperands("not", inputs, 1);
    expectDType("not", inputs[0], ["bool"]);
    return inputs[0];
  },
  reference: ([x]) => tensorOf(x.shape, (i) => 1 - x.data[i]),
  scalar: (e, [x]) => e.unary("not", x),
  samples: [
    { inputs: [{ shape: [2, 3], dtype: "bool" }] },
    { inputs: [{ shape: ["n", 5], dtype: "bool" }], n: 1 },
    { inputs: [{ shape: [], dtype: "bool" }] },
  ],
});
