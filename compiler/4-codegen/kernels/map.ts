/** Elementwise kernels: every output is computed at every index, in the order of memory. */
import { sizeOf } from "../../ir/graph.ts";
import type { Layout } from "../../ir/layout.ts";
import type { Affine, Local } from "../../ir/loops.ts";
import { addressesIn } from "../addresses.ts";
import { bestBalanced } from "../balance.ts";
import {
  type Extent,
  extentOf,
  finish,
  type GroupContext,
  nest,
  widestLast,
  zeroAll,
  zeroPadding,
} from "../group-context.ts";
import { affine } from "../kernel-builder.ts";

export function map(ctx: GroupContext): void {
  const layout = ctx.place(ctx.group.outputs[0]).layout;
  if (layout.panel > 0) return panels(ctx, layout);
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  const axes = layout.dims.map((dim) => dim.axis);
  const extents = axes.map((_, i) => extentOf(layout.dims[i].extent));
  const loops = widestLast(collapse(ctx, axes, extents), ctx.target.lanes);
  nest(
    ctx,
    loops.map((l) => l.extent),
    (counters, lane) => {
      const index: Affine[] = axes.map(() => affine());
      loops.forEach((l, i) => {
        index[l.axis] = affine(0, [counters[i], 1]);
      });
      finish(ctx, index, lane, new Map());
    },
    [...loops.keys()],
  );
}

/** So many elements of row-major tensors from where they begin, be it beyond their end. */
export function contiguous(ctx: GroupContext, elements: number): void {
  const axes = ctx.group.outputs[0].type.shape;
  const write = ([i]: Local[], lane: Local | null) =>
    finish(
      ctx,
      axes.map((_, axis) => (axis === axes.length - 1 ? affine(0, [i, 1]) : affine())),
      lane,
      new Map(),
    );
  nest(ctx, [{ size: elements, dynamic: false }], write, [0]);
}

interface Loop {
  /** The innermost of the axes that it runs over. */
  readonly axis: number;
  readonly extent: Extent;
}

/**
 * Merges neighbouring loops into one wherever every address allows it: if one step of the outer is a whole run of the inner,
 * for all addresses and numbers of elements in the kernel. Found by writing the kernel once and reading its addresses.
 */
function collapse(ctx: GroupContext, axes: readonly number[], extents: readonly Extent[]): Loop[] {
  const trial = ctx.trial();
  const { k } = trial;
  const counters: Local[] = axes.map((axis) => k.local("i32", `axis${axis}_`));
  const index: Affine[] = [];
  axes.forEach((axis, i) => {
    index[axis] = affine(0, [counters[i], 1]);
  });
  finish(trial, index, null, new Map());
  const touched = [...addressesIn(k.finish("trial").body).addresses, ...k.indices];
  const step = (a: Affine, v: Local) => a.terms.find((t) => t.v === v)?.by ?? 0;

  const loops: Loop[] = [];
  let inner: Local | null = null;
  for (let i = axes.length - 1; i >= 0; i--) {
    const last = loops[0];
    const v = counters[i];
    const joins: boolean =
      inner !== null && !last.extent.dynamic && touched.every((a) => step(a, v) === last.extent.size * step(a, inner!));
    if (joins)
      loops[0] = { axis: last.axis, extent: { size: extents[i].size * last.extent.size, dynamic: extents[i].dynamic } };
    else {
      loops.unshift({ axis: axes[i], extent: extents[i] });
      inner = v;
    }
  }
  return loops;
}

/** A matrix or convolution weights, copied into panels of a tile's width; the last panel is filled up with zeros. */
function panels(ctx: GroupContext, layout: Layout): void {
  const { k, target } = ctx;
  const [axis, width] = [layout.dims[layout.dims.length - 1].axis, layout.panel];
  const blocks = layout.dims.findIndex((dim) => dim.axis === axis);
  const size = ctx.group.outputs[0].type.shape[axis];
  const whole = Math.floor((size === "n" ? ctx.batch : size) / width);
  const rest = (size === "n" ? ctx.batch : size) % width;
  if (rest > 0) zeroAll(ctx, ctx.group.outputs[0]);
  const trips = layout.dims.slice(0, -1).map((dim, i) => (i === blocks ? whole : sizeOf([dim.extent], ctx.batch)));
  const shared = bestBalanced(trips);

  const write = (depth: number, index: Affine[], address: Affine, lanes: number, left = false): void => {
    const dim = layout.dims[depth];
    const parallel = depth === shared || (left && depth === layout.dims.length - 2) ? "first" : undefined;
    if (depth === layout.dims.length - 1) {
      k.for("o", 0, lanes, lanes === width ? target.lanes : 1, (o) => {
        const inner = [...index];
        inner[axis] = { base: index[axis].base, terms: [...index[axis].terms, { v: o, by: 1 }] };
        storePanel(
          ctx,
          inner,
          { base: address.base, terms: [...address.terms, { v: o, by: 1 }] },
          lanes === width ? o : null,
        );
      });
    } else if (depth === blocks) {
      const panel = (b: Local) =>
        write(depth + 1, put(index, axis, affine(0, [b, width])), plus(address, b, dim.stride), width);
      k.for("b", 0, whole, 1, panel, parallel);
      if (rest > 0) {
        const fixed = { base: address.base + whole * dim.stride, terms: address.terms };
        write(depth + 1, put(index, axis, affine(whole * width)), fixed, rest, depth === shared);
      }
    } else {
      const next = (v: Local) =>
        write(depth + 1, put(index, dim.axis, affine(0, [v, 1])), plus(address, v, dim.stride), lanes, left);
      k.for("i", 0, k.dim(dim.extent), 1, next, parallel);
    }
  };
  write(0, [], affine(), width);
}

const put = (index: readonly Affine[], axis: number, a: Affine): Affine[] => {
  const copy = [...index];
  copy[axis] = a;
  return copy;
};
const plus = (a: Affine, v: Local, by: number): Affine => ({ base: a.base, terms: [...a.terms, { v, by }] });

function storePanel(ctx: GroupContext, index: Affine[], at: Affine, lane: Local | null): void {
  const value = ctx.group.outputs[0];
  const scope = ctx.scope(ctx.target.lanes > 1 ? lane : null);
  const vector = ctx.target.lanes > 1 && lane !== null;
  const computed = scope.at(value, index);
  ctx.k.add({
    k: "store",
    buffer: ctx.place(value).buffer,
    at,
    value: vector ? ctx.k.e.splat(computed) : computed,
    stride: vector ? 1 : 0,
  });
}
