/** Operations that move elements to places that no linear index map gives back: pad, concat, reshape. */
import type { Dim, Value } from "../../ir/graph.ts";
import { stridesOf } from "../../ir/layout.ts";
import type { Affine, Local } from "../../ir/loops.ts";
import {
  count,
  type Extent,
  elementsOf,
  extentOf,
  finish,
  type GroupContext,
  nest,
  widestLast,
  zeroAll,
  zeroPadding,
} from "../group-context.ts";
import { affine } from "../kernel-builder.ts";

/** The operand's elements `interior + 1` apart, from `low` on; `value` elsewhere. */
export function pad(ctx: GroupContext): void {
  const anchor = ctx.group.anchor!;
  const [x] = anchor.inputs;
  const low = anchor.attrs.low as number[];
  const interior = (anchor.attrs.interior as number[] | undefined) ?? low.map(() => 0);
  const value = Number(anchor.attrs.value ?? 0);
  fill(ctx, value);
  if (value !== 0) {
    for (const output of ctx.group.outputs) zeroPadding(ctx, output);
    ctx.k.add({ k: "barrier" });
  }
  move(ctx, x, (axis, a) => ({
    base: low[axis] + a.base,
    terms: a.terms.map((t) => ({ v: t.v, by: t.by * (interior[axis] + 1) })),
  }));
}

export function concat(ctx: GroupContext): void {
  const anchor = ctx.group.anchor!;
  const along = anchor.attrs.axis as number;
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  let start = 0;
  for (const x of anchor.inputs) {
    const offset = start;
    move(ctx, x, (axis, a) => (axis === along ? { base: a.base + offset, terms: a.terms } : a));
    start += x.type.shape[along] as number;
  }
}

function fill(ctx: GroupContext, value: number): void {
  const { k } = ctx;
  const { buffer, layout } = ctx.place(ctx.group.outputs[0]);
  if (value === 0) {
    zeroAll(ctx, ctx.group.outputs[0]);
    return;
  }
  const set = (i: Local) => k.add({ k: "store", buffer, at: affine(0, [i, 1]), value: k.e.const(value), stride: 0 });
  k.for("i", 0, count(k, elementsOf(layout)), 1, set, "first");
  k.add({ k: "barrier" });
}

/** Writes each element of `x` at the index that `to` gives, axis by axis. */
function move(ctx: GroupContext, x: Value, to: (axis: number, index: Affine) => Affine): void {
  const anchor = ctx.group.anchor!;
  const order = ctx.place(ctx.group.outputs[0]).layout.dims.map((d) => d.axis);
  nest(
    ctx,
    order.map((axis) => extentOf(x.type.shape[axis])),
    (counters, lane) => {
      const index: Affine[] = [];
      order.forEach((axis, i) => {
        index[axis] = affine(0, [counters[i], 1]);
      });
      const value = ctx.scope(lane).at(x, index);
      finish(
        ctx,
        index.map((a, axis) => to(axis, a)),
        lane,
        new Map([[anchor, value]]),
      );
    },
    [...order.keys()],
  );
}

/**
 * Same elements in row-major order. Loops run over the common refinement of both shapes, [8, 6] and [4, 12] over [4, 2, 6], in the
 * order of what is written.
 */
export function reshape(ctx: GroupContext): void {
  const anchor = ctx.group.anchor!;
  const [x] = anchor.inputs;
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  const refined = refine(x.type.shape, anchor.type.shape);
  if (!refined) return throughLinearIndex(ctx);
  const strides = stridesOf(ctx.place(ctx.group.outputs[0]).layout, anchor.type.shape.length);
  const stepOf = ({ to }: Refined) => strides[to.axis] * to.by;
  const loops = widestLast(
    [...refined].sort((a, b) => stepOf(b) - stepOf(a)),
    ctx.target.lanes,
  );
  nest(
    ctx,
    loops.map((l) => l.extent),
    (counters, lane) => {
      const place = (shape: readonly Dim[], key: "from" | "to") =>
        shape.map((_, axis) =>
          affine(
            0,
            ...loops.flatMap((l, i): [(typeof counters)[0], number][] =>
              l[key].axis === axis ? [[counters[i], l[key].by]] : [],
            ),
          ),
        );
      const value = ctx.scope(lane).at(x, place(x.type.shape, "from"));
      finish(ctx, place(anchor.type.shape, "to"), lane, new Map([[anchor, value]]));
    },
    [...loops.keys()],
  );
}

interface Refined {
  readonly extent: Extent;
  readonly from: { readonly axis: number; readonly by: number };
  readonly to: { readonly axis: number; readonly by: number };
}

/** Null where sizes do not divide one another, as for [6, 4] and [8, 3]. */
function refine(from: readonly Dim[], to: readonly Dim[]): Refined[] | null {
  const loops: Refined[] = [];
  let [i, j] = [0, 0];
  let [a, b]: (Dim | undefined)[] = [from[0], to[0]];
  while (i < from.length || j < to.length) {
    if (a === 1) a = from[++i];
    else if (b === 1) b = to[++j];
    else if (a === "n" || b === "n") {
      if (a !== b) return null;
      loops.push({ extent: extentOf("n"), from: { axis: i, by: 1 }, to: { axis: j, by: 1 } });
      [a, b] = [from[++i], to[++j]];
    } else {
      const size = Math.min(a!, b!);
      if (a! % size !== 0 || b! % size !== 0) return null;
      [a, b] = [a! / size, b! / size];
      loops.push({ extent: extentOf(size), from: { axis: i, by: a }, to: { axis: j, by: b } });
    }
  }
  return loops;
}

/** One element at a time, both indices by division of the position. */
function throughLinearIndex(ctx: GroupContext): void {
  const { k } = ctx;
  const { e } = k;
  const anchor = ctx.group.anchor!;
  const [x] = anchor.inputs;
  const split = (shape: readonly Dim[], position: Parameters<typeof e.local>[0]): Affine[] => {
    let rest = e.local(position);
    const index: Affine[] = [];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis];
      const own = axis === 0 || size === "n" ? rest : e.binary("rem", rest, e.const(size, "i32"));
      index[axis] = affine(0, [k.variable(own, "i"), 1]);
      if (axis > 0 && size !== "n") rest = k.let(e.div(rest, e.const(size, "i32")));
    }
    return index;
  };
  const fixed = anchor.type.shape.reduce<number>((s, d) => s * (d === "n" ? 1 : d), 1);
  const dynamic = anchor.type.shape.includes("n");
  const scalar = { ...ctx, target: { ...ctx.target, lanes: 1 as const } };
  const move = ([v]: Local[]) => {
    const value = ctx.scope(null).at(x, split(x.type.shape, v));
    finish(ctx, split(anchor.type.shape, v), null, new Map([[anchor, value]]));
  };
  nest(scalar, [{ size: fixed, dynamic }], move, [0]);
}
