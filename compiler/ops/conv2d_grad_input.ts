import { ShapeError } from "../diagnostics.ts";
import { sameShape } from "../ir/graph.ts";
import { convCases } from "./conv-samples.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectOperands, shapeAttr, showShape } from "./types.ts";
import { convRows, convShape, pairAttr } from "./window.ts";

export const conv2dGradInput = defineOp({
  name: "conv2d_grad_input",
  doc: "(dy, w) → gradient of conv2d with respect to its input, whose shape is `shape`: the transposed convolution. Other attributes as conv2d's.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("conv2d_grad_input", inputs, 2);
    const [dy, w] = inputs;
    const x = { dtype: "f32", shape: shapeAttr(attrs, "shape") } as const;
    const y = convShape("conv2d_grad_input", x, w, attrs);
    if (!sameShape(y, dy.shape)) {
      throw new ShapeError(`conv2d_grad_input: dy must be ${showShape(y)}, found ${showShape(dy.shape)}`);
    }
    return x;
  },
  // Linear in both operands: the adjoint in dy is the convolution itself, in w the filter's gradient.
  grad(b, { inputs: [dy, w], attrs, dy: dx }) {
    const { shape: _, ...conv } = attrs;
    return [b.op("conv2d", [dx, w], conv), b.op("conv2d_grad_weight", [dx, dy], { ...conv, shape: w.type.shape })];
  },
  reference([dy, w], attrs, type, { n }) {
    const dx = zeros(concrete(type.shape, n));
    const stride = pairAttr(attrs, "stride")[1];
    convRows(dx.shape, w.shape, dy.shape, attrs, (wAt, xAt, yAt, count) => {
      const weight = w.data[wAt];
      for (let i = 0; i < count; i++) dx.data[xAt + i * stride] += weight * dy.data[yAt + i];
    });
    return dx;
  },
  samples: convCases.map(({ x, w, y, attrs, n }) => ({
    inputs: [{ shape: y }, { shape: w }],
    attrs: { ...attrs, shape: x },
    n,
  })),
});
