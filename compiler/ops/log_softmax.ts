import { defineOp } from "./op.ts";
import { alongLines } from "./softmax-reference.ts";
import { axisAttr, expectDType, expectOperands, numberAttr, otherAxes } from "./types.ts";

export const logSoftmax = defineOp({
  name: "log_softmax",
  doc: "x − m − ln Σ e^(x − m) along `axis`, m the largest. dx = dy − softmax(x) Σ dy.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("log_softmax", inputs, 1);
    expectDType("log_softmax", inputs[0], ["f32"]);
    axisAttr("log_softmax", attrs, inputs[0].shape.length);
    return inputs[0];
  },
  grad(b, { inputs: [x], attrs, dy }) {
    const { shape } = x.type;
    const axes = [numberAttr(attrs, "axis")];
    const total = b.broadcast(b.sum(dy, axes), shape, otherAxes(shape.length, axes));
    return [b.sub(dy, b.mul(b.op("softmax", [x], attrs), total))];
  },
  reference: ([x], attrs) => alongLines(x, numberAttr(attrs, "axis"), (v, logSumExp) => v - logSumExp),
  samples: [
    { inputs: [{ shape: ["n", 10] }], attrs: { axis: 1 }, n: 3 },
    { inputs: [{ shape: ["n", 7] }], attrs: { axis: 1 }, n: 1 },
    { inputs: [{ shape: [5] }], attrs: { axis: 0 } },
    { inputs: [{ shape: ["n", 3, 5] }], attrs: { axis: 1 }, n: 2 },
  ],
});
