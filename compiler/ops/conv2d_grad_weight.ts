import { ShapeError } from "../diagnostics.ts";
import { sameShape } from "../ir/graph.ts";
import { convCases } from "./conv-samples.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectOperands, shapeAttr, showShape } from "./types.ts";
import { convRows, convShape, pairAttr } from "./window.ts";

export const conv2dGradWeight = defineOp({
  name: "conv2d_grad_weight",
  doc: "(x, dy) → gradient of conv2d with respect to its weight, whose shape is `shape`, summed over samples. Other attributes as conv2d's.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("conv2d_grad_weight", inputs, 2);
    const [x, dy] = inputs;
    const w = { dtype: "f32", shape: shapeAttr(attrs, "shape") } as const;
    const y = convShape("conv2d_grad_weight", x, w, attrs);
    if (!sameShape(y, dy.shape)) {
      throw new ShapeError(`conv2d_grad_weight: dy must be ${showShape(y)}, found ${showShape(dy.shape)}`);
    }
    return w;
  },
  // Linear in both operands: the adjoint in x is the input's gradient, in dy the convolution itself.
  grad(b, { inputs: [x, dy], attrs, dy: dw }) {
    const { shape: _, ...conv } = attrs;
    return [b.op("conv2d_grad_input", [dy, dw], { ...conv, shape: x.type.shape }), b.op("conv2d", [x, dw], conv)];
  },
  reference([x, dy], attrs, type, { n }) {
    const dw = zeros(concrete(type.shape, n));
    const stride = pairAttr(attrs, "stride")[1];
    convRows(x.shape, dw.shape, dy.shape, attrs, (wAt, xAt, yAt, count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += x.data[xAt + i * stride] * dy.data[yAt + i];
      dw.data[wAt] += sum;
    });
    return dw;
  },
  samples: convCases.map(({ x, w, y, attrs, n }) => ({
    inputs: [{ shape: x }, { shape: y }],
    attrs: { ...attrs, shape: w },
    n,
  })),
});
