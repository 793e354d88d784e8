/**
 * Which elements of its input and which weights a convolution sums over, along one axis. The gradient with respect to the input
 * has the same form: elements of dx that lie `stride` apart are a small dense convolution of dy, with every stride-th weight
 * in reverse order ("sub-pixel convolution"; Dumoulin & Visin, arXiv:1603.07285, section 4), so no product is with a zero
 * between elements of dy.
 */
import type { Value } from "../ir/graph.ts";

export interface Taps {
  /** The outputs start + step·t, for t < count. */
  readonly out: { readonly start: number; readonly step: number; readonly count: number };
  /** Tap j of output t reads element base + step·t + tap·j, if that is within `size`. */
  readonly input: { readonly base: number; readonly step: number; readonly tap: number; readonly size: number };
  /** Tap j has weight first + step·j, for j < count. */
  readonly weight: { readonly first: number; readonly step: number; readonly count: number };
}

/** A convolution as dense ones: one, or for an input gradient one for each place within a stride; rows, then columns. */
export type Window = readonly [rows: Taps, columns: Taps];

export function windowsOf(conv: Value): Window[] {
  const axes = [0, 1].map((axis) => (conv.op === "conv2d_grad_input" ? gradientTaps(conv, axis) : [taps(conv, axis)]));
  return axes[0].flatMap((rows) => axes[1].map((columns): Window => [rows, columns]));
}

/** Columns of its first operand that the windows reach beyond the image, on the side where that is most. */
export function reach(conv: Value): number {
  return Math.max(0, ...windowsOf(conv).map(([, columns]) => reachOf(columns)));
}

function reachOf({ out, input, weight }: Taps): number {
  if (out.count === 0 || weight.count === 0) return 0;
  const last = input.base + input.step * (out.count - 1) + input.tap * (weight.count - 1);
  return Math.max(-input.base, last - (input.size - 1));
}

function attributes(conv: Value, axis: number) {
  const [stride, padding, dilation] = [conv.attrs.stride, conv.attrs.padding, conv.attrs.dilation] as number[][];
  return { stride: stride[axis], padding: padding[axis], dilation: dilation[axis] };
}

const sizeAlong = (value: Value, axis: number): number => value.type.shape[axis + 2] as number;

/** Of y = conv2d(x, w), and of the gradient with respect to w: what is multiplied is the same. */
function taps(conv: Value, axis: number): Taps {
  const { stride, padding, dilation } = attributes(conv, axis);
  const [x, other] = conv.inputs;
  const [y, w] = conv.op === "conv2d" ? [conv, other] : [other, conv];
  return {
    out: { start: 0, step: 1, count: sizeAlong(y, axis) },
    input: { base: -padding, step: stride, tap: dilation, size: sizeAlong(x, axis) },
    weight: { first: 0, step: 1, count: sizeAlong(w, axis) },
  };
}

/** dx[i] = Σ dy[(i + padding − k·dilation) / stride] · w[k], over the k for which that is a whole number. */
function gradientTaps(conv: Value, axis: number): Taps[] {
  const { stride, padding, dilation } = attributes(conv, axis);
  const [dy, w] = conv.inputs;
  const [size, kernel] = [sizeAlong(conv, axis), sizeAlong(w, axis)];
  return Array.from({ length: Math.min(stride, size) }, (_, start) => {
    const matching = Array.from({ length: kernel }, (_, k) => k).filter(
      (k) => (start + padding - k * dilation) % stride === 0,
    );
    const last = matching[matching.length - 1] ?? 0;
    const between = matching.length > 1 ? matching[1] - matching[0] : stride;
    return {
      out: { start, step: stride, count: Math.ceil((size - start) / stride) },
      input: {
        base: Math.floor((start + padding - last * dilation) / stride),
        step: 1,
        tap: (between * dilation) / stride,
        size: sizeAlong(dy, axis),
      },
      weight: { first: last, step: -between, count: matching.length },
    };
  });
}

/** Whether each channel is convolved by itself, to one result. */
export function isDepthwise(conv: Value): boolean {
  const w = conv.op === "conv2d_grad_weight" ? conv : conv.inputs[1];
  return (conv.attrs.groups as number) > 1 && w.type.shape[0] === conv.attrs.groups && w.type.shape[1] === 1;
}
