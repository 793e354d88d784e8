import { ShapeError } from "../diagnostics.ts";
import type { Dim } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { concrete, elements, stridesOf, walk } from "./tensor.ts";
import { expectDType, expectOperands, floatAttr, integersAttr, showShape } from "./types.ts";

export const pad = defineOp({
  name: "pad",
  doc: "`low` and `high` elements of `value` around each axis, and `interior` between neighbours.",
  category: "view",
  infer(inputs, attrs) {
    expectOperands("pad", inputs, 1);
    expectDType("pad", inputs[0], ["f32", "i32"]);
    floatAttr(attrs, "value");
    const [low, high, interior] = ["low", "high", "interior"].map((key) => integersAttr(attrs, key));
    const { dtype, shape } = inputs[0];
    for (const list of [low, high, interior]) {
      if (list.length !== shape.length || list.some((v) => v < 0)) {
        throw new ShapeError(`pad: low, high and interior must be 0 or more for each axis of ${showShape(shape)}`);
      }
    }
    const size = (dim: Dim, i: number): Dim => {
      if (dim !== "n") return low[i] + dim + (dim - 1) * interior[i] + high[i];
      if (low[i] + high[i] + interior[i] === 0) return "n";
      throw new ShapeError(`pad: the sample axis of ${showShape(shape)} cannot be padded`);
    };
    return { dtype, shape: shape.map(size) };
  },
  grad(b, { inputs: [x], attrs, dy }) {
    const starts = integersAttr(attrs, "low");
    const strides = integersAttr(attrs, "interior").map((gap) => gap + 1);
    const limits = x.type.shape.map((dim, i) => (dim === "n" ? "n" : starts[i] + (dim - 1) * strides[i] + 1));
    return [b.op("slice", [dy], { starts, limits, strides })];
  },
  reference([x], attrs, type, { n }) {
    const shape = concrete(type.shape, n);
    const own = stridesOf(shape);
    const data = new Float64Array(elements(shape)).fill(floatAttr(attrs, "value"));
    const offset = integersAttr(attrs, "low").reduce((at, low, i) => at + low * own[i], 0);
    const strides = integersAttr(attrs, "interior").map((gap, i) => (gap + 1) * own[i]);
    walk(x.shape, strides, offset, (i, at) => {
      data[at] = x.data[i];
    });
    return { shape, data };
  },
  samples: [
    { inputs: [{ shape: [3] }], attrs: { low: [1], high: [2], interior: [0], value: 0 } },
    { inputs: [{ shape: [2, 3] }], attrs: { low: [0, 1], high: [1, 0], interior: [2, 1], value: 0.5 } },
    {
      inputs: [{ shape: ["n", 2, 5] }],
      attrs: { low: [0, 0, 2], high: [0, 0, 2], interior: [0, 0, 0], value: 0 },
      n: 3,
    },
  ],
});
