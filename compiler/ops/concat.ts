import { ShapeError } from "../diagnostics.ts";
import { sameType } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { concrete, stridesOf, walk, zeros } from "./tensor.ts";
import { axisAttr, fixedSize, numberAttr, showType } from "./types.ts";

export const concat = defineOp({
  name: "concat",
  doc: "The operands one after the other along `axis`; their other sizes are equal.",
  category: "view",
  infer(inputs, attrs) {
    if (inputs.length === 0) throw new ShapeError("concat takes at least one operand");
    const [first] = inputs;
    const axis = axisAttr("concat", attrs, first.shape.length);
    const sizes = inputs.map((type) => {
      const alike = { dtype: type.dtype, shape: type.shape.map((dim, i) => (i === axis ? first.shape[axis] : dim)) };
      if (!sameType(alike, first)) {
        throw new ShapeError(`concat: ${showType(first)} and ${showType(type)} differ beside axis ${axis}`);
      }
      return fixedSize("concat", `axis ${axis}`, type, axis);
    });
    const total = sizes.reduce((sum, size) => sum + size, 0);
    return { dtype: first.dtype, shape: first.shape.map((dim, i) => (i === axis ? total : dim)) };
  },
  grad(b, { inputs, attrs, value, dy }) {
    const axis = numberAttr(attrs, "axis");
    let start = 0;
    return inputs.map((x) => {
      const end = start + fixedSize("concat", `axis ${axis}`, x.type, axis);
      const starts = x.type.shape.map((_, i) => (i === axis ? start : 0));
      const limits = value.type.shape.map((dim, i) => (i === axis ? end : dim));
      start = end;
      return b.op("slice", [dy], { starts, limits, strides: starts.map(() => 1) });
    });
  },
  reference(inputs, attrs, type, { n }) {
    const axis = numberAttr(attrs, "axis");
    const out = zeros(concrete(type.shape, n));
    const strides = stridesOf(out.shape);
    let start = 0;
    for (const x of inputs) {
      walk(x.shape, strides, start * strides[axis], (i, at) => {
        out.data[at] = x.data[i];
      });
      start += x.shape[axis];
    }
    return out;
  },
  samples: [
    { inputs: [{ shape: [2, 3] }, { shape: [2, 2] }, { shape: [2, 1] }], attrs: { axis: 1 } },
    { inputs: [{ shape: ["n", 2, 5] }, { shape: ["n", 3, 5] }], attrs: { axis: 1 }, n: 3 },
    { inputs: [{ shape: [1] }, { shape: [4] }], attrs: { axis: 0 } },
  ],
});
