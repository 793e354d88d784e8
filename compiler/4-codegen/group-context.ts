/** What a kernel template is given: the group to compute, and the means to read its operands and store its results. */
import type { Group } from "../3-passes/fuse.ts";
import type { Dim, Value } from "../ir/graph.ts";
import type { Layout } from "../ir/layout.ts";
import { type Buffer, type Expr, isVector, type Local } from "../ir/loops.ts";
import type { Target } from "../target.ts";
import { addressesIn } from "./addresses.ts";
import { bestBalanced } from "./balance.ts";
import { affine, type KernelBuilder } from "./kernel-builder.ts";
import { addressOf, type Index, type Memory, type Place, type Scope } from "./scope.ts";

export interface GroupContext {
  readonly k: KernelBuilder;
  readonly target: Target;
  readonly group: Group;
  /** The most samples of a call. */
  readonly batch: number;
  /** Whether the result is added to what the output's memory holds: a sum over samples, of a few of them. */
  readonly addsUp: boolean;
  readonly memory: Memory;
  /** Where an output of the group goes. */
  place(output: Value): Place;
  /** Memory for the time of a call, for each thread; and for all threads in common. */
  scratch(elements: number): Buffer;
  common(elements: number): Buffer;
  /** The same group in a kernel that is thrown away, to see what it would touch. */
  trial(): GroupContext;
  /** For values at one place of the loops; `lane` as in Scope. */
  scope(lane: Local | null, registers?: ReadonlyMap<Value, Expr>): Scope;
}

export type Template = (ctx: GroupContext) => void;

/** The place of an operand that is stored. */
export function operand(ctx: GroupContext, value: Value): Place {
  return ctx.memory.source(value)!;
}

/**
 * Ends the computation of one element (or four, along `lane`): runs the epilogue on the values in registers and stores the
 * group's outputs. `count` < 4 stores the first lanes only.
 */
export function finish(
  ctx: GroupContext,
  index: Index,
  lane: Local | null,
  registers: ReadonlyMap<Value, Expr>,
  count = ctx.target.lanes as number,
): void {
  const { group } = ctx;
  if (lane && count < ctx.target.lanes && !readsOneByOne(ctx, index, lane, registers)) {
    for (let l = 0; l < count; l++) finishLane(ctx, index, lane, registers, l);
    return;
  }
  const scope = ctx.scope(lane, registers);
  const values = group.outputs.map((output) => scope.at(output, index));
  group.outputs.forEach((output, i) => store(ctx, output, index, lane, values[i], count));
}

/**
 * Whether the lanes' elements lie next to each other in all that the epilogue reads: then those behind the last one may be
 * read too, as memory goes on for a vector behind each tensor. Found by writing the epilogue into a kernel that is thrown away.
 */
function readsOneByOne(ctx: GroupContext, index: Index, lane: Local, registers: ReadonlyMap<Value, Expr>): boolean {
  const trial = ctx.trial();
  const scope = trial.scope(lane, registers);
  for (const output of ctx.group.outputs) trial.k.let(scope.at(output, index));
  const written = ctx.addsUp ? ctx.group.outputs.map((output) => addressOf(ctx.place(output).layout, index)) : [];
  const { addresses } = addressesIn(trial.k.finish("trial").body);
  return [...addresses, ...written].every(({ terms }) => terms.every(({ v, by }) => v !== lane || by === 1));
}

/** One lane of a vector that is only partly inside the tensor. */
function finishLane(
  ctx: GroupContext,
  index: Index,
  lane: Local,
  registers: ReadonlyMap<Value, Expr>,
  l: number,
): void {
  const { k } = ctx;
  const scalars = new Map(
    [...registers].map(([value, expr]): [Value, Expr] => {
      const ty = expr.ty.replace("x4", "") as Expr["ty"];
      return [value, ty === expr.ty ? expr : k.let({ k: "lane", ty, lane: l as 0 | 1 | 2 | 3, a: expr })];
    }),
  );
  const shifted = index.map((a) => {
    const by = a.terms.find((t) => t.v === lane)?.by ?? 0;
    return { ...a, base: a.base + by * l };
  });
  finish(ctx, shifted, null, scalars);
}

function store(ctx: GroupContext, output: Value, index: Index, lane: Local | null, value: Expr, count: number): void {
  const { buffer, layout } = ctx.place(output);
  const at = addressOf(layout, index);
  const stride = lane ? (at.terms.find((t) => t.v === lane)?.by ?? 0) : 0;
  let stored = output.type.dtype === "bool" ? ctx.k.e.cast(value, "i32") : value;
  if (lane && stride !== 0) stored = ctx.k.e.splat(stored);
  if (ctx.addsUp) stored = ctx.k.e.add(sumSoFar(ctx, { k: "load", ty: stored.ty, buffer, at, stride }), stored);
  const partial = lane !== null && count < ctx.target.lanes;
  ctx.k.add({ k: "store", buffer, at, value: stored, stride, ...(partial && { count }) });
}

/** What memory holds of a sum that is visited once in each call: nothing, when the kernel runs for the first samples. */
export function sumSoFar({ k }: GroupContext, held: Expr): Expr {
  return k.e.select(k.holdsSums(isVector(held.ty)), held, k.e.const(0));
}

/** Zeroes the columns left and right of each row of a padded feature map. */
export function zeroPadding(ctx: GroupContext, output: Value): void {
  const { layout, buffer } = ctx.place(output);
  if (layout.pad === 0) return;
  const { k } = ctx;
  const [samples, rows, columns] = layout.dims;
  const edge = layout.pad * columns.stride;
  const sides = (n: Local) =>
    k.for("y", 0, k.dim(rows.extent), 1, (y) => {
      const row = affine(0, [n, samples.stride], [y, rows.stride]);
      const after = affine(edge + (columns.extent as number) * columns.stride, [n, samples.stride], [y, rows.stride]);
      for (const at of [row, after]) k.add({ k: "zero", buffer, at, count: k.e.const(edge, "i32") });
    });
  k.for("n", 0, k.dim(samples.extent), 1, sides, "first");
}

/** Zeroes an output, for what is added to it afterwards. */
export function zeroAll(ctx: GroupContext, output: Value): void {
  if (ctx.addsUp) return;
  const { layout, buffer } = ctx.place(output);
  const { k } = ctx;
  const size = count(k, elementsOf(layout));
  const all = typeof size === "number" ? k.e.const(size, "i32") : size;
  k.add({ k: "zero", buffer, at: affine(), count: all, parallel: true });
  k.add({ k: "barrier" });
}

/** The elements of a stored value: those of `n` samples, where the samples come first in memory. */
export function elementsOf(layout: Layout): Extent {
  const [outermost] = layout.dims;
  const dynamic = outermost?.extent === "n";
  return { size: dynamic ? outermost.stride : layout.elements, dynamic };
}

/**
 * Loops over `extents`, outermost first. The innermost goes by vectors, its rest (and the whole in scalar code) one by one.
 * Threads share out one of the loops whose iterations are `apart`: write to different places.
 */
export function nest(
  ctx: GroupContext,
  extents: readonly Extent[],
  body: (counters: Local[], lane: Local | null) => void,
  apart: readonly number[] = [],
): void {
  const { k, target } = ctx;
  const trips = apart.map((depth) => {
    const { size, dynamic } = extents[depth];
    return (size * (dynamic ? ctx.batch : 1)) / (depth === extents.length - 1 ? target.lanes : 1);
  });
  const shared = apart.length > 0 ? apart[bestBalanced(trips)] : -1;
  const go = (depth: number, counters: Local[]): void => {
    const extent = extents[depth];
    if (extents.length === 0) return body([], null);
    if (depth < extents.length - 1) {
      k.for("i", 0, count(k, extent), 1, (v) => go(depth + 1, [...counters, v]), depth === shared && "first");
      return;
    }
    const main = vectorPart(k, extent, target.lanes);
    const vectors = (v: Local) => body([...counters, v], target.lanes > 1 ? v : null);
    if (main !== 0) k.for("i", 0, main, target.lanes, vectors, depth === shared && "first");
    if (target.lanes > 1 && extent.size % target.lanes !== 0)
      k.for("j", main, count(k, extent), 1, (v) => body([...counters, v], null), depth === shared && "last");
  };
  go(0, []);
}

/** Vectors along the innermost axis that is long enough for one: three channels are not, nor the 2 × 2 pixels of a shuffle. */
export function widestLast<T extends { readonly extent: Extent }>(loops: readonly T[], lanes: number): readonly T[] {
  const isLong = ({ extent }: T) => extent.dynamic || extent.size >= lanes;
  const at = loops.findLastIndex(isLong);
  return at < 0 || loops[at].extent.dynamic ? loops : [...loops.slice(0, at), ...loops.slice(at + 1), loops[at]];
}

/** A loop's length: `size`, or `size` times the number of samples. */
export interface Extent {
  readonly size: number;
  readonly dynamic: boolean;
}

export const extentOf = (dim: Dim): Extent =>
  dim === "n" ? { size: 1, dynamic: true } : { size: dim, dynamic: false };

export function count(k: KernelBuilder, extent: Extent): Expr | number {
  if (!extent.dynamic) return extent.size;
  return extent.size === 1 ? k.e.local(k.n) : k.e.mul(k.e.local(k.n), k.e.const(extent.size, "i32"));
}

/** The largest multiple of `lanes` within the extent. */
export function vectorPart(k: KernelBuilder, extent: Extent, lanes: number): Expr | number {
  const whole = count(k, extent);
  if (typeof whole === "number") return whole - (whole % lanes);
  return extent.size % lanes === 0 ? whole : k.e.binary("and", whole, k.e.const(-lanes, "i32"));
}
