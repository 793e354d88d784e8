/**
 * Pooling windows over feature maps, lanes along the channels. `max_pool2d` follows PyTorch: a row-major scan, the first
 * largest element wins, NaN propagates; its index within the window is kept as a byte for the gradient.
 */
import { isExactWindow } from "../../3-passes/inline.ts";
import type { Value } from "../../ir/graph.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { extentOf, finish, type GroupContext, nest, zeroAll, zeroPadding } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import { addressOf, type Index, type Scope } from "../scope.ts";

interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** Up to this many window elements are written out, beyond that they are a loop. */
const UNROLL = 9;

function windowsOf(op: Value, input: Value, output: Value): Windows {
  return {
    kernel: op.attrs.kernel as number[],
    stride: op.attrs.stride as number[],
    padding: op.attrs.padding as number[],
    input: input.type.shape.slice(2) as number[],
    output: output.type.shape.slice(2) as number[],
  };
}

/** One window element: its number in the window, and where it is in the input. */
type Visit = (number: Expr, row: Affine, column: Affine) => void;

/** Goes through the window of output (y, x) in row-major order, within the input. */
function eachElement(ctx: GroupContext, w: Windows, y: Affine, x: Affine, visit: Visit): void {
  const { k } = ctx;
  const { e } = k;
  const corner = [y, x].map((at, a) => addAffine(affine(-w.padding[a]), at, w.stride[a]));
  const element = (number: Expr, ky: Affine, kx: Affine) =>
    visit(number, addAffine(corner[0], ky), addAffine(corner[1], kx));
  const writtenOut = () => {
    for (let i = 0; i < w.kernel[0] * w.kernel[1]; i++)
      element(e.const(i, "i32"), affine(Math.floor(i / w.kernel[1])), affine(i % w.kernel[1]));
  };
  const looped = (bounds: (a: 0 | 1) => readonly [Expr | number, Expr | number]) => {
    const [rows, columns] = [bounds(0), bounds(1)];
    k.for("ky", ...rows, 1, (ky) =>
      k.for("kx", ...columns, 1, (kx) =>
        element(k.index(affine(0, [ky, w.kernel[1]], [kx, 1])), affine(0, [ky, 1]), affine(0, [kx, 1])),
      ),
    );
  };
  const inside = (a: 0 | 1): [Expr, Expr] => {
    const from = k.let(e.binary("max", k.index(addAffine(affine(), corner[a], -1)), e.const(0, "i32")), "from");
    const left = k.index(addAffine(affine(w.input[a]), corner[a], -1));
    return [from, k.let(e.binary("min", left, e.const(w.kernel[a], "i32")), "to")];
  };
  const axes = [0, 1] as const;
  const short = w.kernel[0] * w.kernel[1] <= UNROLL;
  const covered = axes.every((a) => w.padding[a] === 0 && (w.output[a] - 1) * w.stride[a] + w.kernel[a] <= w.input[a]);
  if (covered) return short ? writtenOut() : looped((a) => [0, w.kernel[a]]);
  if (!short) return looped(inside);
  const within = axes.flatMap((a) => {
    const first = k.index(corner[a]);
    return [
      e.compare("ge", first, e.const(0, "i32")),
      e.compare("le", first, e.const(w.input[a] - w.kernel[a], "i32")),
    ];
  });
  k.if(
    within.reduce((all, one) => e.binary("and", all, one)),
    writtenOut,
    () => looped(inside),
  );
}

/** Loops over a feature map's samples, rows, columns and (by vectors) channels; `apart` as for `nest`. */
function eachPixel(
  ctx: GroupContext,
  map: Value,
  body: (index: Index, lane: Local | null, scope: Scope) => void,
  apart: readonly number[] = [0, 1, 2, 3],
): void {
  const [n, channels, height, width] = map.type.shape;
  nest(
    ctx,
    [n, height, width, channels].map(extentOf),
    ([s, y, x, c], lane) => {
      body([affine(0, [s, 1]), affine(0, [c, 1]), affine(0, [y, 1]), affine(0, [x, 1])], lane, ctx.scope(lane));
    },
    apart,
  );
}

/** max_pool2d, max_pool2d_index, or both in one pass. */
export function maxPool(ctx: GroupContext): void {
  const { k, group } = ctx;
  const { e } = k;
  const anchor = group.anchor!;
  const [x] = anchor.inputs;
  const windows = windowsOf(anchor, x, anchor);
  for (const output of group.outputs) zeroPadding(ctx, output);
  const indices = [anchor, ...group.outputs].filter((v) => v.op === "max_pool2d_index");
  eachPixel(ctx, anchor, (index, lane) => {
    const vector = lane !== null;
    const splat = (expr: Expr) => (vector ? e.splat(expr) : expr);
    const best = k.variable(splat(e.const(Number.NEGATIVE_INFINITY)), "best");
    const where = indices.length > 0 ? k.variable(splat(firstInside(ctx, windows, index)), "where") : null;
    eachElement(ctx, windows, index[2], index[3], (number, row, column) => {
      const value = ctx.scope(lane).at(x, [index[0], index[1], row, column]);
      takeLarger(ctx, { best, where }, value, splat(number));
    });
    const registers = new Map<Value, Expr>(indices.map((v) => [v, e.local(where!)]));
    if (anchor.op === "max_pool2d") registers.set(anchor, e.local(best));
    finish(ctx, index, lane, registers);
  });
}

/** The largest element of a window so far, and its number. */
interface Largest {
  readonly best: Local;
  readonly where: Local | null;
}

/** Goes on to an element of a greater number: the first of the largest wins, and the last NaN over all. */
export function takeLarger({ k }: GroupContext, { best, where }: Largest, value: Expr, number: Expr): void {
  const { e } = k;
  const nan = k.let(e.compare("ne", value, value));
  if (where) {
    const better = e.binary("or", e.compare("gt", value, e.local(best)), nan);
    const zero: Expr = { k: "const", ty: number.ty, value: 0 };
    k.set(where, e.binary("max", e.local(where), e.select(better, number, zero)));
  }
  // What is compared with the next element waits for a maximum, not for `better`.
  k.set(best, e.select(nan, value, e.binary("pmax", e.local(best), value)));
}

/** The number of the first window element inside the input: where the scan starts. */
function firstInside(ctx: GroupContext, w: Windows, index: Index): Expr {
  const { k } = ctx;
  const { e } = k;
  if (w.padding[0] === 0 && w.padding[1] === 0) return e.const(0, "i32");
  const first = (a: 0 | 1, position: Affine) =>
    e.binary("max", k.index(addAffine(affine(w.padding[a]), position, -w.stride[a])), e.const(0, "i32"));
  return e.add(e.mul(first(0, index[2]), e.const(w.kernel[1], "i32")), first(1, index[3]));
}

export function sumPool(ctx: GroupContext): void {
  const { k } = ctx;
  const anchor = ctx.group.anchor!;
  const windows = windowsOf(anchor, anchor.inputs[0], anchor);
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  eachPixel(ctx, anchor, (index, lane) => {
    const zero = k.e.const(0);
    const sum = k.variable(lane ? k.e.splat(zero) : zero, "sum");
    eachElement(ctx, windows, index[2], index[3], (_, row, column) => {
      k.set(sum, k.e.add(k.e.local(sum), ctx.scope(lane).at(anchor.inputs[0], [index[0], index[1], row, column])));
    });
    finish(ctx, index, lane, new Map([[anchor, k.e.local(sum)]]));
  });
}

/** The element of x that each window's index names. */
export function maxPoolGather(ctx: GroupContext): void {
  const { k } = ctx;
  const { e } = k;
  const anchor = ctx.group.anchor!;
  const [x, chosen] = anchor.inputs;
  const windows = windowsOf(anchor, x, anchor);
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  eachPixel(ctx, anchor, (index, lane, scope) => {
    const splat = (expr: Expr) => (lane ? e.splat(expr) : expr);
    const where = scope.at(chosen, index);
    const picked = k.variable(splat(e.const(0)), "picked");
    eachElement(ctx, windows, index[2], index[3], (number, row, column) => {
      const value = ctx.scope(lane).at(x, [index[0], index[1], row, column]);
      k.set(picked, e.select(e.compare("eq", where, splat(number)), value, e.local(picked)));
    });
    finish(ctx, index, lane, new Map([[anchor, e.local(picked)]]));
  });
}

/**
 * max_unpool2d and sum_unpool2d: each window's gradient goes to the element that its index names, or to all of them. Windows
 * that tile the input exactly write every element once; others add to zeros.
 */
export function unpool(ctx: GroupContext): void {
  const { k } = ctx;
  const { e } = k;
  const anchor = ctx.group.anchor!;
  const [dy, chosen] = anchor.inputs;
  const windows = windowsOf(anchor, anchor, dy);
  const exact = isExactWindow(anchor);
  const place = ctx.place(ctx.group.outputs[0]);
  if (exact) for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  else zeroAll(ctx, ctx.group.outputs[0]);
  const scatter = (index: Index, lane: Local | null, scope: Scope) => {
    const gradient = scope.at(dy, index);
    const where = chosen ? scope.at(chosen, index) : null;
    eachElement(ctx, windows, index[2], index[3], (number, row, column) => {
      const at = [index[0], index[1], row, column];
      const number4 = lane ? e.splat(number) : number;
      const part = where ? e.select(e.compare("eq", where, number4), gradient, e.const(0)) : gradient;
      if (exact) finish(ctx, at, lane, new Map([[anchor, k.let(part)]]));
      else {
        const address = addressOf(place.layout, at);
        const old: Expr = {
          k: "load",
          ty: lane ? "f32x4" : "f32",
          buffer: place.buffer,
          at: address,
          stride: lane ? 1 : 0,
        };
        k.add({ k: "store", buffer: place.buffer, at: address, value: e.add(old, part), stride: lane ? 1 : 0 });
      }
    });
  };
  // Windows that overlap belong to one sample and one channel.
  eachPixel(ctx, dy, scatter, exact ? [0, 1, 2, 3] : [0, 3]);
}
