import { defineOp } from "./op.ts";
import { alongLines } from "./softmax-reference.ts";
import { axisAttr, expectDType, expectOperands, numberAttr, otherAxes } from "./types.ts";

export const softmax = defineOp({
  name: "softmax",
  doc: "e^(x − m) / Σ e^(x − m) along `axis`, m the largest. dx = y (dy − Σ dy y).",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("softmax", inputs, 1);
    expectDType("softmax", inputs[0], ["f32"]);
    axisAttr("softmax", attrs, inputs[0].shape.length);
    return inputs[0];
  },
  grad(b, { attrs, value, dy }) {
    const { shape } = value.type;
    const axes = [numberAttr(attrs, "axis")];
    const mean = b.broadcast(b.sum(b.mul(dy, value), axes), shape, otherAxes(shape.length, axes));
    return [b.mul(value, b.sub(dy, mean))];
  },
  reference: ([x], attrs) => alongLines(x, numberAttr(attrs, "axis"), (v, logSumExp) => Math.exp(v - logSumExp)),
  samples: [
    { inputs: [{ shape: ["n", 10] }], attrs: { axis: 1 }, n: 3 },
    { inputs: [{ shape: ["n", 7] }], attrs: { axis: 1 }, n: 1 },
    { inputs: [{ shape: [5] }], attrs: { axis: 0 } },
    { inputs: [{ shape: ["n", 3, 5] }], attrs: { axis: 1 }, n: 2 },
  ],
});
