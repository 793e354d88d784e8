import { defineOp } from "./op.ts";
import { concrete, stridesOf, walk } from "./tensor.ts";
import { axesAttr, expectDType, expectOperands, otherAxes, withoutAxes } from "./types.ts";

export const max = defineOp({
  name: "max",
  doc: "The largest over `axes`; NaN if any is. The gradient is shared evenly among ties (torch.amax).",
  category: "reduce",
  infer(inputs, attrs) {
    expectOperands("max", inputs, 1);
    const { dtype, shape } = inputs[0];
    expectDType("max", inputs[0], ["f32", "i32"]);
    return { dtype, shape: withoutAxes(shape, axesAttr("max", attrs, "axes", shape.length)) };
  },
  grad(b, { inputs: [x], attrs, value, dy }) {
    const { shape } = x.type;
    const axes = axesAttr("max", attrs, "axes", shape.length);
    const back = (v: typeof dy) => b.broadcast(v, shape, otherAxes(shape.length, axes));
    const largest = b.binary("eq", x, back(value));
    const ties = b.sum(b.cast(largest, "f32"), axes);
    return [b.where(largest, back(b.div(dy, ties)), 0)];
  },
  reference([x], attrs, type, { n }) {
    const shape = concrete(type.shape, n);
    const data = new Float64Array(shape.reduce((size, dim) => size * dim, 1)).fill(Number.NEGATIVE_INFINITY);
    const kept = otherAxes(x.shape.length, axesAttr("max", attrs, "axes", x.shape.length));
    const own = stridesOf(shape);
    const strides = x.shape.map((_, axis) => (kept.includes(axis) ? own[kept.indexOf(axis)] : 0));
    walk(x.shape, strides, 0, (i, at) => {
      data[at] = Math.max(data[at], x.data[i]);
    });
    return { shape, data };
  },
  samples: [
    { inputs: [{ shape: [5] }], attrs: { axes: [0] } },
    { inputs: [{ shape: ["n", 3, 5] }], attrs: { axes: [1, 2] }, n: 3 },
    { inputs: [{ shape: ["n", 10] }], attrs: { axes: [1] }, n: 1 },
    { inputs: [{ shape: [2, 3, 4] }], attrs: { axes: [0] } },
  ],
});
