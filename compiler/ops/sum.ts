import { defineOp } from "./op.ts";
import { concrete, stridesOf, walk, zeros } from "./tensor.ts";
import { axesAttr, expectDType, expectOperands, otherAxes, withoutAxes } from "./types.ts";

export const sum = defineOp({
  name: "sum",
  doc: "Σ over `axes`, which vanish from the shape. The gradient is broadcast back.",
  category: "reduce",
  infer(inputs, attrs) {
    expectOperands("sum", inputs, 1);
    const { dtype, shape } = inputs[0];
    expectDType("sum", inputs[0], ["f32", "i32"]);
    return { dtype, shape: withoutAxes(shape, axesAttr("sum", attrs, "axes", shape.length)) };
  },
  grad(b, { inputs: [x], attrs, dy }) {
    const { shape } = x.type;
    return [b.broadcast(dy, shape, otherAxes(shape.length, axesAttr("sum", attrs, "axes", shape.length)))];
  },
  reference([x], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    const kept = otherAxes(x.shape.length, axesAttr("sum", attrs, "axes", x.shape.length));
    const own = stridesOf(out.shape);
    const strides = x.shape.map((_, axis) => (kept.includes(axis) ? own[kept.indexOf(axis)] : 0));
    walk(x.shape, strides, 0, (i, at) => {
      out.data[at] += x.data[i];
    });
    return out;
  },
  samples: [
    { inputs: [{ shape: [5] }], attrs: { axes: [0] } },
    { inputs: [{ shape: ["n", 3, 5, 2] }], attrs: { axes: [0, 2, 3] }, n: 3 },
    { inputs: [{ shape: ["n", 7] }], attrs: { axes: [1] }, n: 1 },
    { inputs: [{ shape: [2, 3, 4] }], attrs: { axes: [1] } },
    { inputs: [{ shape: ["n", 3] }], attrs: { axes: [0, 1] }, n: 5 },
  ],
});
