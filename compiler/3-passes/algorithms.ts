/**
 * Chooses how convolutions are computed, as rewrites on the graph.
 *
 * The gradient with respect to the input is itself a convolution: of dy (spread out by the stride) with the weights
 * transposed and turned by 180°, so that one register-tiled kernel serves both (Dumoulin & Visin, arXiv:1603.07285).
 */
import type { Builder } from "../ir/builder.ts";
import type { Module, Value } from "../ir/graph.ts";
import type { Target } from "../target.ts";
import { rebuild, rewrite } from "./rewrite.ts";
import { winogradApplies, winogradConv, winogradGradInput, winogradGradWeight } from "./winograd.ts";

export function chooseAlgorithms(module: Module, b: Builder, target: Target): Module {
  return rewrite(module, b, (value, inputs) => {
    const minimal = target.numerics === "fast" ? byWinograd(b, value, inputs[0], inputs[1]) : null;
    if (minimal) return minimal;
    if (value.op === "conv2d_grad_input" && value.attrs.groups === 1)
      return convolveTurned(b, value, inputs[0], inputs[1]);
    return rebuild(b, value, inputs);
  });
}

function byWinograd(b: Builder, conv: Value, first: Value, second: Value): Value | null {
  const shape = conv.type.shape;
  const applies = (kernel: Value["type"]["shape"], output: Value["type"]["shape"]) =>
    winogradApplies(conv, kernel, output);
  if (conv.op === "conv2d" && applies(second.type.shape, shape)) return winogradConv(b, conv, first, second);
  if (conv.op === "conv2d_grad_input" && applies(second.type.shape, first.type.shape)) {
    return winogradGradInput(b, conv, first, second);
  }
  if (conv.op === "conv2d_grad_weight" && applies(shape, second.type.shape)) {
    return winogradGradWeight(b, conv, first, second);
  }
  return null;
}

function convolveTurned(b: Builder, value: Value, dy: Value, w: Value): Value {
  const stride = value.attrs.stride as number[];
  const dilation = value.attrs.dilation as number[];
  const [top, left, bottom, right] = value.attrs.padding as number[];
  const [height, width] = value.type.shape.slice(2) as number[];
  const kernel = w.type.shape.slice(2) as number[];
  const reach = [dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)];
  // Rows and columns at the end that no window reached: their gradient is zero.
  const rest = [(height + top + bottom - reach[0] - 1) % stride[0], (width + left + right - reach[1] - 1) % stride[1]];
  const padding = [reach[0] - top, reach[1] - left, reach[0] - bottom + rest[0], reach[1] - right + rest[1]];

  const spread = stride.every((s) => s === 1)
    ? dy
    : b.op("pad", [dy], {
        low: [0, 0, 0, 0],
        high: [0, 0, 0, 0],
        interior: [0, 0, stride[0] - 1, stride[1] - 1],
        value: 0,
      });
  const turned = b.op("reverse", [b.transpose(w, [1, 0, 2, 3])], { axes: [2, 3] });
  return b.op("conv2d", [crop(b, spread, padding), turned], {
    stride: [1, 1],
    padding: padding.map((p) => Math.max(p, 0)),
    dilation,
    groups: 1,
  });
}

/** Negative padding cuts rows and columns off. */
function crop(b: Builder, x: Value, padding: readonly number[]): Value {
  const [top, left, bottom, right] = padding.map((p) => Math.max(-p, 0));
  if (top + left + bottom + right === 0) return x;
  const [n, channels, height, width] = x.type.shape;
  return b.op("slice", [x], {
    starts: [0, 0, top, left],
    limits: [n, channels, (height as number) - bottom, (width as number) - right],
    strides: [1, 1, 1, 1],
  });
}
