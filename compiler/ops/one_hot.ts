import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands, numberAttr } from "./types.ts";

export const oneHot = defineOp({
  name: "one_hot",
  doc: "i32 [..] → f32 [.., `classes`]: 1 where the last index is the label, else 0; all 0 for a label outside 0 … classes − 1.",
  category: "index",
  infer(inputs, attrs) {
    expectOperands("one_hot", inputs, 1);
    expectDType("one_hot", inputs[0], ["i32"]);
    const classes = numberAttr(attrs, "classes");
    if (!Number.isInteger(classes) || classes < 1) throw new ShapeError("one_hot: classes must be a positive integer");
    return { dtype: "f32", shape: [...inputs[0].shape, classes] };
  },
  grad: () => [null],
  reference([labels], _, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    const classes = out.shape[out.shape.length - 1];
    labels.data.forEach((label, i) => {
      if (label >= 0 && label < classes) out.data[i * classes + label] = 1;
    });
    return out;
  },
  samples: [
    { inputs: [{ shape: ["n"], dtype: "i32", range: [0, 10] }], attrs: { classes: 10 }, n: 3 },
    { inputs: [{ shape: ["n", 5], dtype: "i32", range: [-2, 5] }], attrs: { classes: 3 }, n: 2 },
    { inputs: [{ shape: [], dtype: "i32", range: [0, 7] }], attrs: { classes: 7 } },
  ],
});
