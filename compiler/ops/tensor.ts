/** What the reference implementations share: row-major float64 tensors and walks over them. */
import type { Shape } from "../ir/graph.ts";
import type { Tensor } from "./op.ts";

/** The shape with `n` replaced by the number of samples. */
export function concrete(shape: Shape, n: number): number[] {
  return shape.map((dim) => (dim === "n" ? n : dim));
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

export function zeros(shape: readonly number[]): Tensor {
  return { shape, data: new Float64Array(elements(shape)) };
}

export function tensorOf(shape: readonly number[], value: (index: number) => number): Tensor {
  const out = zeros(shape);
  for (let i = 0; i < out.data.length; i++) out.data[i] = value(i);
  return out;
}

/** Elements between neighbours along each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Calls `visit(i, at)` for each row-major index i of `shape`, with at = offset + Σ index[axis]·strides[axis]. */
export function walk(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  visit: (i: number, at: number) => void,
): void {
  const total = elements(shape);
  const index = new Array<number>(shape.length).fill(0);
  let at = offset;
  for (let i = 0; i < total; i++) {
    visit(i, at);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      at += strides[axis];
      if (index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

/** out[index] = x[offset + Σ index·strides] */
export function gather(x: Tensor, shape: readonly number[], strides: readonly number[], offset = 0): Tensor {
  const out = zeros(shape);
  walk(shape, strides, offset, (i, at) => {
    out.data[i] = x.data[at];
  });
  return out;
}

/** Calls `visit(start, stride, count)` for each line along `axis`: its elements are start + i·stride; lines in row-major order. */
export function lines(
  shape: readonly number[],
  axis: number,
  visit: (start: number, stride: number, count: number, line: number) => void,
): void {
  const count = shape[axis];
  const stride = elements(shape.slice(axis + 1));
  const outer = elements(shape.slice(0, axis));
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < stride; i++) visit(o * count * stride + i, stride, count, o * stride + i);
  }
}
