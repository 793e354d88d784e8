import { defineOp } from "./op.ts";
import { concrete, lines, zeros } from "./tensor.ts";
import { axisAttr, expectDType, expectOperands, numberAttr, withoutAxes } from "./types.ts";

export const argmax = defineOp({
  name: "argmax",
  doc: "Index (i32) of the first largest along `axis`; NaN counts as largest.",
  category: "reduce",
  infer(inputs, attrs) {
    expectOperands("argmax", inputs, 1);
    const { shape } = inputs[0];
    expectDType("argmax", inputs[0], ["f32"]);
    return { dtype: "i32", shape: withoutAxes(shape, [axisAttr("argmax", attrs, shape.length)]) };
  },
  grad: () => [null],
  reference([x], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    lines(x.shape, numberAttr(attrs, "axis"), (start, stride, count, line) => {
      let best = 0;
      for (let i = 1; i < count; i++) {
        const [value, largest] = [x.data[start + i * stride], x.data[start + best * stride]];
        if (value > largest || (Number.isNaN(value) && !Number.isNaN(largest))) best = i;
      }
      out.data[line] = best;
    });
    return out;
  },
  samples: [
    { inputs: [{ shape: [5] }], attrs: { axis: 0 } },
    { inputs: [{ shape: ["n", 10] }], attrs: { axis: 1 }, n: 3 },
    { inputs: [{ shape: ["n", 3, 7] }], attrs: { axis: 1 }, n: 1 },
  ],
});
