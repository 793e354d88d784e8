import { defineOp } from "./op.ts";
import { gather, stridesOf } from "./tensor.ts";
import { axesAttr, expectOperands, fixedSize } from "./types.ts";

export const reverse = defineOp({
  name: "reverse",
  doc: "The elements along each of `axes` in opposite order.",
  category: "view",
  infer(inputs, attrs) {
    expectOperands("reverse", inputs, 1);
    const axes = axesAttr("reverse", attrs, "axes", inputs[0].shape.length);
    for (const axis of axes) fixedSize("reverse", `axis ${axis}`, inputs[0], axis);
    return inputs[0];
  },
  grad: (b, { attrs, dy }) => [b.op("reverse", [dy], attrs)],
  reference([x], attrs) {
    const strides = stridesOf(x.shape);
    let offset = 0;
    for (const axis of axesAttr("reverse", attrs, "axes", x.shape.length)) {
      offset += strides[axis] * (x.shape[axis] - 1);
      strides[axis] = -strides[axis];
    }
    return gather(x, x.shape, strides, offset);
  },
  samples: [
    { inputs: [{ shape: [5] }], attrs: { axes: [0] } },
    { inputs: [{ shape: ["n", 3, 2, 5] }], attrs: { axes: [3] }, n: 3 },
    { inputs: [{ shape: ["n", 3, 7] }], attrs: { axes: [1, 2] }, n: 1 },
  ],
});
