import { defineOp } from "./op.ts";
import { concrete, lines, zeros } from "./tensor.ts";
import { axisAttr, expectOperands, numberAttr, shapeAttr } from "./types.ts";

export const iota = defineOp({
  name: "iota",
  doc: "i32 of `shape`: each element is its index along `axis`.",
  category: "index",
  infer(inputs, attrs) {
    expectOperands("iota", inputs, 0);
    const shape = shapeAttr(attrs, "shape");
    axisAttr("iota", attrs, shape.length);
    return { dtype: "i32", shape };
  },
  reference(_, attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    lines(out.shape, numberAttr(attrs, "axis"), (start, stride, count) => {
      for (let i = 0; i < count; i++) out.data[start + i * stride] = i;
    });
    return out;
  },
  samples: [
    { inputs: [], attrs: { shape: [5], axis: 0 } },
    { inputs: [], attrs: { shape: ["n", 3, 7], axis: 1 }, n: 2 },
    { inputs: [], attrs: { shape: ["n", 3], axis: 0 }, n: 5 },
  ],
});
