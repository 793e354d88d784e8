import { convCases } from "./conv-samples.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectOperands, numberAttr } from "./types.ts";
import { convRows, convShape, pairAttr } from "./window.ts";

export const conv2d = defineOp({
  name: "conv2d",
  doc: "Cross-correlation of x [N, C, H, W] with w [O, C/groups, KH, KW]: y[n,o,r,c] = Σ x[n, i, r·stride + h·dilation − top, c·stride + w·dilation − left] w[o,i,h,w], zeros outside; size ⌊(H + top + bottom − dilation (KH − 1) − 1) / stride⌋ + 1. `padding` = [top, left, bottom, right].",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("conv2d", inputs, 2);
    numberAttr(attrs, "groups");
    pairAttr(attrs, "dilation");
    return { dtype: "f32", shape: convShape("conv2d", inputs[0], inputs[1], attrs) };
  },
  grad: (b, { inputs: [x, w], attrs, dy }) => [
    b.op("conv2d_grad_input", [dy, w], { ...attrs, shape: x.type.shape }),
    b.op("conv2d_grad_weight", [x, dy], { ...attrs, shape: w.type.shape }),
  ],
  reference([x, w], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    const stride = pairAttr(attrs, "stride")[1];
    convRows(x.shape, w.shape, out.shape, attrs, (wAt, xAt, yAt, count) => {
      const weight = w.data[wAt];
      for (let i = 0; i < count; i++) out.data[yAt + i] += weight * x.data[xAt + i * stride];
    });
    return out;
  },
  samples: convCases.map(({ x, w, attrs, n }) => ({ inputs: [{ shape: x }, { shape: w }], attrs, n })),
});
