/** Chooses how convolutions are computed, as rewrites on the graph. */
import type { Builder } from "../ir/builder.ts";
import { type Module, roots, type Value } from "../ir/graph.ts";
import { tileOf } from "../ops/conv-algorithms.ts";
import type { Target } from "../target.ts";
import { chooseAlgorithm, isConvolution } from "./convolution.ts";
import { convolveMultiplied, multiplierOf } from "./multiplied.ts";
import { rebuild, rewrite } from "./rewrite.ts";
import { mixingDepths } from "./samples.ts";
import { byWinograd } from "./winograd.ts";

export function chooseAlgorithms(module: Module, b: Builder, target: Target): Module {
  const depths = mixingDepths(module.programs.flatMap(roots));
  return rewrite(module, b, (value, inputs) => {
    if (!isConvolution(value)) return rebuild(b, value, inputs);
    if (multiplierOf(value) > 1) return convolveMultiplied(b, value, inputs);
    const m = tileOf(chooseAlgorithm(value, target, module.batch).algorithm);
    if (m !== null) return byWinograd(b, m, value, inputs, isMuchLater(value, depths));
    if (value.op === "conv2d_grad_input" && isTurned(value)) return convolveTurned(b, value, inputs[0], inputs[1]);
    return rebuild(b, value, inputs);
  });
}

/** Whether a weight gradient can begin only when what the forward convolution made of its input has left the cache. */
function isMuchLater({ op, inputs: [x, dy] }: Value, depths: ReadonlyMap<Value, number>): boolean {
  return op === "conv2d_grad_weight" && depths.get(dy)! > depths.get(x)!;
}

/** A dense one with stride 1. (Others are several small convolutions of dy: taps.ts.) */
function isTurned({ attrs }: Value): boolean {
  return attrs.groups === 1 && (attrs.stride as number[]).every((s) => s === 1);
}

/**
 * The gradient with respect to the input is itself a convolution: of dy with the weights transposed and turned by 180°
 * (Dumoulin & Visin, arXiv:1603.07285).
 */
function convolveTurned(b: Builder, value: Value, dy: Value, w: Value): Value {
  const dilation = value.attrs.dilation as number[];
  const [top, left, bottom, right] = value.attrs.padding as number[];
  const kernel = w.type.shape.slice(2) as number[];
  const reach = [dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)];
  const padding = [reach[0] - top, reach[1] - left, reach[0] - bottom, reach[1] - right];
  const turned = b.op("reverse", [b.transpose(w, [1, 0, 2, 3])], { axes: [2, 3] });
  return b.op("conv2d", [crop(b, dy, padding), turned], {
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
