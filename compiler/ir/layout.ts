/**
 * Where the elements of a tensor lie in its buffer. A layout is named in the IR (`relayout {layout = "nhwc:2"}`):
 *
 * - `row`      row-major, the last axis innermost;
 * - `nhwc:p`   feature maps [n, C, H, W] with channels innermost and p zero columns left and right of each row;
 * - `planes`   row-major, with a cache line between the planes of the first axis, so that equal places of many planes do not
 *              fall into one set of the cache, and room for whole vectors where few elements are missing;
 * - `kkio`     convolution weights [O, I, KH, KW] stored as [KH][KW][I][O]: what the weight-gradient kernel writes;
 * - `kkoi`     the same as [KH][KW][O][I];
 * - `opanel:w` convolution weights stored as [O/w][KH][KW][I][w],
 * - `ipanel:w` the same as [I/w][KH][KW][O][w], and
 * - `panel:w`  a matrix [.., K, N] stored as [..][N/w][K][w]; the last panel is filled up with zeros: what the
 *              register-tiled kernels read.
 */
import type { Dim, Shape } from "./graph.ts";
import { sizeOf } from "./graph.ts";

/** One loop over memory: steps of `step` along a logical axis, `stride` elements apart. */
export interface PhysicalDim {
  readonly axis: number;
  readonly extent: Dim;
  readonly step: number;
  readonly stride: number;
}

export interface Layout {
  readonly name: string;
  /** Outermost first. */
  readonly dims: readonly PhysicalDim[];
  /** Where the element at index 0, 0, … lies. */
  readonly offset: number;
  /** Elements of the buffer, for the largest batch. */
  readonly elements: number;
  /** Zero columns on either side of each row (nhwc). */
  readonly pad: number;
  /** Width of a panel, 0 for layouts that are not blocked. */
  readonly panel: number;
}

export function layoutNamed(name: string, shape: Shape, batch: number): Layout {
  const [kind, number] = name.split(":");
  if (kind === "nhwc") return nhwc(name, shape, Number(number), batch);
  if (kind === "planes") return planes(name, shape, batch);
  if (kind === "kkio") return permuted(name, shape, [2, 3, 1, 0], batch);
  if (kind === "kkoi") return permuted(name, shape, [2, 3, 0, 1], batch);
  if (kind === "ipanel") return panels(name, shape, 1, [], [2, 3, 0], Number(number), batch);
  if (kind === "opanel") return panels(name, shape, 0, [], [2, 3, 1], Number(number), batch);
  if (kind === "panel") {
    const rank = shape.length;
    return panels(name, shape, rank - 1, [...shape.keys()].slice(0, -2), [rank - 2], Number(number), batch);
  }
  return permuted("row", shape, [...shape.keys()], batch);
}

/** Elements between neighbours along each axis. Not for panels: there the last axis has no single stride. */
export function stridesOf(layout: Layout, rank: number): number[] {
  const strides = new Array<number>(rank).fill(0);
  for (const dim of layout.dims) strides[dim.axis] = dim.stride;
  return strides;
}

function permuted(name: string, shape: Shape, order: readonly number[], batch: number): Layout {
  const dims: PhysicalDim[] = [];
  let stride = 1;
  for (const axis of [...order].reverse()) {
    dims.unshift({ axis, extent: shape[axis], step: 1, stride });
    stride *= sizeOf([shape[axis]], batch);
  }
  return { name, dims, offset: 0, elements: stride, pad: 0, panel: 0 };
}

const CACHE_LINE_ELEMENTS = 16;
const VECTOR = 4;

/** Rows are filled up to whole vectors where that takes at most a third more memory. */
const MOST_ROOM = 4 / 3;

function planes(name: string, shape: Shape, batch: number): Layout {
  const last = shape[shape.length - 1] as number;
  const whole = Math.ceil(last / VECTOR) * VECTOR;
  const row = permuted(
    name,
    [...shape.slice(0, -1), whole <= last * MOST_ROOM ? whole : last],
    [...shape.keys()],
    batch,
  );
  const stride = row.dims[0].stride + CACHE_LINE_ELEMENTS;
  const dims = [
    { ...row.dims[0], stride },
    ...row.dims.slice(1, -1),
    { ...row.dims[row.dims.length - 1], extent: last },
  ];
  return { ...row, dims, elements: stride * sizeOf([shape[0]], batch) };
}

function nhwc(name: string, shape: Shape, pad: number, batch: number): Layout {
  const [channels, height, width] = shape.slice(1) as number[];
  const row = (width + 2 * pad) * channels;
  return {
    name,
    dims: [
      { axis: 0, extent: shape[0], step: 1, stride: height * row },
      { axis: 2, extent: height, step: 1, stride: row },
      { axis: 3, extent: width, step: 1, stride: channels },
      { axis: 1, extent: channels, step: 1, stride: 1 },
    ],
    offset: pad * channels,
    elements: sizeOf([shape[0]], batch) * height * row,
    pad,
    panel: 0,
  };
}

/** Axis `blocked` in blocks of `width`, innermost within a block; `outer` axes around the blocks, `inner` ones within. */
function panels(
  name: string,
  shape: Shape,
  blocked: number,
  outer: readonly number[],
  inner: readonly number[],
  width: number,
  batch: number,
): Layout {
  const blocks = Math.ceil(sizeOf([shape[blocked]], batch) / width);
  const dims: PhysicalDim[] = [{ axis: blocked, extent: width, step: 1, stride: 1 }];
  let stride = width;
  const add = (axis: number, extent: Dim, step: number) => {
    dims.unshift({ axis, extent, step, stride });
    stride *= sizeOf([extent], batch);
  };
  for (const axis of [...inner].reverse()) add(axis, shape[axis], 1);
  add(blocked, blocks, width);
  for (const axis of [...outer].reverse()) add(axis, shape[axis], 1);
  return { name, dims, offset: 0, elements: stride, pad: 0, panel: width };
}
