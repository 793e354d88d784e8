/** Geometry of convolution and pooling windows over [batch, channels, height, width], and walks over them. */
import { ShapeError } from "../diagnostics.ts";
import type { Attrs, Dim, TensorType } from "../ir/graph.ts";
import { expectDType, expectRank, fixedSize, integersAttr, numberAttr } from "./types.ts";

export const imageAxes = ["batch", "channels", "height", "width"] as const;
export const filterAxes = ["out_channels", "in_channels", "kernel_height", "kernel_width"] as const;
const axisNames = ["height", "width"] as const;

/** Attributes `kernel`, `stride`, `dilation`: two positive integers, height first. */
export function pairAttr(attrs: Attrs, key: string): readonly number[] {
  const pair = integersAttr(attrs, key);
  if (pair.length === 2 && pair.every((v) => v > 0)) return pair;
  throw new ShapeError(`attribute "${key}" must be two positive integers, found [${pair.join(", ")}]`);
}

/** Attribute `padding`: top, left, bottom, right. */
export function paddingAttr(attrs: Attrs): readonly number[] {
  const padding = integersAttr(attrs, "padding");
  if (padding.length === 4 && padding.every((v) => v >= 0)) return padding;
  throw new ShapeError(`attribute "padding" must be [top, left, bottom, right], found [${padding.join(", ")}]`);
}

/** ⌊(size + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1 for height (0) and width (1). */
function outputSize(op: string, axis: 0 | 1, size: number, kernel: number, attrs: Attrs): number {
  const padding = paddingAttr(attrs);
  const dilation = attrs.dilation === undefined ? 1 : pairAttr(attrs, "dilation")[axis];
  const extent = dilation * (kernel - 1) + 1;
  const padded = size + padding[axis] + padding[axis + 2];
  if (padded < extent) {
    const parts = padded === size ? "" : ` (${padded} with padding)`;
    throw new ShapeError(
      `${op}: the kernel covers ${extent} in ${axisNames[axis]}, more than the input's ${size}${parts}`,
      "use a smaller kernel, more padding, or less pooling before it",
    );
  }
  return Math.floor((padded - extent) / pairAttr(attrs, "stride")[axis]) + 1;
}

/** Result of `conv2d` from the types of an image tensor and a filter. */
export function convShape(op: string, x: TensorType, w: TensorType, attrs: Attrs): Dim[] {
  for (const type of [x, w]) expectDType(op, type, ["f32"]);
  expectRank(op, "input", x, imageAxes);
  expectRank(op, "weight", w, filterAxes);
  const groups = numberAttr(attrs, "groups");
  if (!Number.isInteger(groups) || groups < 1) throw new ShapeError(`${op}: groups must be a positive integer`);
  const channels = fixedSize(op, "channels", x, 1);
  const [out, perGroup, ...kernel] = filterAxes.map((axis, i) => fixedSize(op, axis, w, i));
  if (channels % groups !== 0 || out % groups !== 0) {
    throw new ShapeError(`${op}: groups = ${groups} must divide both ${channels} channels and ${out} out_channels`);
  }
  if (perGroup * groups !== channels) {
    throw new ShapeError(
      `${op}: the input has ${channels} channels, but the weight [${w.shape.join(", ")}] takes ${perGroup * groups}`,
    );
  }
  const sizes = ([0, 1] as const).map((i) =>
    outputSize(op, i, fixedSize(op, axisNames[i], x, i + 2), kernel[i], attrs),
  );
  return [x.shape[0], out, ...sizes];
}

/** Result of a pooling with `kernel`, `stride`, `padding`. Every window must meet the input: padding < kernel. */
export function poolShape(op: string, x: TensorType, attrs: Attrs): Dim[] {
  expectRank(op, "input", x, imageAxes);
  const kernel = pairAttr(attrs, "kernel");
  for (const [i, pad] of paddingAttr(attrs).entries()) {
    if (pad >= kernel[i % 2]) {
      throw new ShapeError(
        `${op}: padding ${pad} in ${axisNames[i % 2]} must be less than the kernel's ${kernel[i % 2]}`,
      );
    }
  }
  const sizes = ([0, 1] as const).map((i) =>
    outputSize(op, i, fixedSize(op, axisNames[i], x, i + 2), kernel[i], attrs),
  );
  return [x.shape[0], x.shape[1], ...sizes];
}

/** The part of 0 … count−1 where 0 ≤ i·stride + offset < size, as [from, to). */
function inside(count: number, stride: number, offset: number, size: number): [number, number] {
  const from = offset >= 0 ? 0 : Math.ceil(-offset / stride);
  const to = Math.min(count, Math.floor((size - 1 - offset) / stride) + 1);
  return [from, Math.max(from, to)];
}

/**
 * Walks a convolution of x [N, C, H, W] with w [O, C/groups, KH, KW] into y: calls `row(w, x, y, count)` for each filter
 * element and output row, where y[y + i] meets x[x + i·stride[1]] through weight w, i < count.
 */
export function convRows(
  x: readonly number[],
  w: readonly number[],
  y: readonly number[],
  attrs: Attrs,
  row: (w: number, x: number, y: number, count: number) => void,
): void {
  const [samples, channels, height, width] = x;
  const [out, perGroup, kh, kw] = w;
  const [, , rows, columns] = y;
  const [sh, sw] = pairAttr(attrs, "stride");
  const [dh, dw] = pairAttr(attrs, "dilation");
  const [top, left] = paddingAttr(attrs);
  const outPerGroup = out / numberAttr(attrs, "groups");
  for (let s = 0; s < samples; s++) {
    for (let o = 0; o < out; o++) {
      const firstChannel = Math.floor(o / outPerGroup) * perGroup;
      for (let tap = 0; tap < perGroup * kh * kw; tap++) {
        const c = firstChannel + Math.floor(tap / (kh * kw));
        const dy = (Math.floor(tap / kw) % kh) * dh - top;
        const dx = (tap % kw) * dw - left;
        const [r0, r1] = inside(rows, sh, dy, height);
        const [c0, c1] = inside(columns, sw, dx, width);
        for (let r = r0; r < r1; r++) {
          const xAt = ((s * channels + c) * height + r * sh + dy) * width + c0 * sw + dx;
          row(o * perGroup * kh * kw + tap, xAt, ((s * out + o) * rows + r) * columns + c0, c1 - c0);
        }
      }
    }
  }
}

/**
 * Walks pooling windows: calls `cell(x, y, tap)` for each output y (flat) and each cell x (flat) of its window that lies in
 * the input, row-major; `tap` is the cell's index within the window.
 */
export function poolCells(
  x: readonly number[],
  y: readonly number[],
  attrs: Attrs,
  cell: (x: number, y: number, tap: number) => void,
): void {
  const [samples, channels, height, width] = x;
  const [, , rows, columns] = y;
  const [kh, kw] = pairAttr(attrs, "kernel");
  const [sh, sw] = pairAttr(attrs, "stride");
  const [top, left] = paddingAttr(attrs);
  let out = 0;
  for (let plane = 0; plane < samples * channels; plane++) {
    for (let r = 0; r < rows; r++) {
      const [h0, h1] = inside(kh, 1, r * sh - top, height);
      for (let c = 0; c < columns; c++, out++) {
        const [w0, w1] = inside(kw, 1, c * sw - left, width);
        for (let h = h0; h < h1; h++) {
          const line = (plane * height + r * sh - top + h) * width + c * sw - left;
          for (let w = w0; w < w1; w++) cell(line + w, out, h * kw + w);
        }
      }
    }
  }
}
