import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { concrete, gather, stridesOf } from "./tensor.ts";
import { axesAttr, expectOperands, otherAxes, shapeAttr, showShape } from "./types.ts";

export const broadcast = defineOp({
  name: "broadcast",
  doc: "Axis i of x becomes axis `axes[i]` (increasing) of `shape`; sizes of 1 stretch, the other axes of `shape` are new. The gradient sums over new and stretched axes.",
  category: "view",
  infer(inputs, attrs) {
    expectOperands("broadcast", inputs, 1);
    const own = inputs[0].shape;
    const shape = shapeAttr(attrs, "shape");
    const axes = axesAttr("broadcast", attrs, "axes", shape.length);
    if (axes.length !== own.length) {
      throw new ShapeError(`broadcast: ${axes.length} axes for an operand of shape ${showShape(own)}`);
    }
    const misfit = own.findIndex((dim, i) => dim !== 1 && dim !== shape[axes[i]]);
    if (misfit >= 0) {
      throw new ShapeError(
        `broadcast: axis ${misfit} of ${showShape(own)} does not fit axis ${axes[misfit]} of ${showShape(shape)}`,
      );
    }
    return { dtype: inputs[0].dtype, shape };
  },
  grad(b, { inputs: [x], attrs, value, dy }) {
    const { shape } = value.type;
    const axes = axesAttr("broadcast", attrs, "axes", shape.length);
    const kept = axes.filter((axis, i) => x.type.shape[i] === shape[axis]);
    return [b.reshape(b.sum(dy, otherAxes(shape.length, kept)), x.type.shape)];
  },
  reference([x], attrs, type, { n }) {
    const shape = concrete(type.shape, n);
    const own = stridesOf(x.shape);
    const strides = shape.map(() => 0);
    for (const [i, axis] of axesAttr("broadcast", attrs, "axes", shape.length).entries()) {
      if (x.shape[i] !== 1) strides[axis] = own[i];
    }
    return gather(x, shape, strides);
  },
  samples: [
    { inputs: [{ shape: [3] }], attrs: { shape: [2, 3], axes: [1] } },
    { inputs: [{ shape: [3] }], attrs: { shape: ["n", 3, 5, 2], axes: [1] }, n: 3 },
    { inputs: [{ shape: [] }], attrs: { shape: ["n", 7], axes: [] }, n: 1 },
    { inputs: [{ shape: [2, 1, 3] }], attrs: { shape: [2, 5, 3], axes: [0, 1, 2] } },
    { inputs: [{ shape: ["n", 1] }], attrs: { shape: ["n", 5], axes: [0, 1] }, n: 3 },
  ],
});
