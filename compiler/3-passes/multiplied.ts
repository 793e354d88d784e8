/**
 * Depthwise convolutions that make several channels of each: as depthwise ones of as many channels, each repeated. Their kernels
 * have the channels in lanes, which those of groups of one channel cannot.
 */
import type { Builder } from "../ir/builder.ts";
import type { Dim, Value } from "../ir/graph.ts";

/** How many output channels each input channel has, where there are several and it alone makes them; else 1. */
export function multiplierOf({ op, inputs, attrs, type }: Value): number {
  const [outputs, perGroup] = (op === "conv2d_grad_weight" ? type : inputs[1].type).shape as number[];
  const groups = attrs.groups as number;
  return groups > 1 && perGroup === 1 ? outputs / groups : 1;
}

export function convolveMultiplied(b: Builder, conv: Value, [first, second]: readonly Value[]): Value {
  const multiplier = multiplierOf(conv);
  const groups = (conv.attrs.groups as number) * multiplier;
  if (conv.op !== "conv2d_grad_input") {
    return b.op(conv.op, [repeated(b, first, multiplier), second], { ...conv.attrs, groups });
  }
  const [n, channels, ...image] = conv.type.shape;
  const repeats = b.op(conv.op, [first, second], { ...conv.attrs, groups, shape: [n, groups, ...image] });
  return b.sum(b.reshape(repeats, [n, channels, multiplier, ...image]), [2]);
}

/** [n, C, H, W] → [n, C · times, H, W] */
function repeated(b: Builder, x: Value, times: number): Value {
  const [n, channels, ...image] = x.type.shape;
  const spread: Dim[] = [n, channels, times, ...image];
  return b.reshape(b.broadcast(x, spread, [0, 1, 3, 4]), [n, (channels as number) * times, ...image]);
}
