/**
 * Reductions of an elementwise expression over some of its axes.
 *
 * Loops run in the order of memory. If the innermost axis is reduced, lanes hold partial sums of it; if it is kept, each
 * lane is a result of its own. The outermost reduced loop adds up sums of the loops inside it, and of blocks of its own
 * iterations, which keeps rounding errors small (blocked summation, Higham 1993).
 */
import type { Value } from "../../ir/graph.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { addressesIn } from "../addresses.ts";
import { bestBalanced } from "../balance.ts";
import { count, type Extent, extentOf, finish, type GroupContext, vectorPart, zeroPadding } from "../group-context.ts";
import { affine } from "../kernel-builder.ts";
import type { Scope } from "../scope.ts";

interface Axis {
  readonly axis: number;
  readonly extent: Extent;
  readonly reduced: boolean;
}

const OPS = { sum: { op: "add", start: 0 }, max: { op: "max", start: Number.NEGATIVE_INFINITY } } as const;

/** Vectors in a cache line. */
const LINE = 4;

/** Iterations of the outermost loop that are added up on their own. */
const LONG_SUM = 16;

export function reduce(ctx: GroupContext): void {
  const anchor = ctx.group.anchor!;
  const axes = inMemoryOrder(ctx, anchor.attrs.axes as number[]);
  const innermost = axes[axes.length - 1];
  const kept = axes.filter((a) => !a.reduced);
  const reduced = axes.filter((a) => a.reduced);
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  // An axis that another one runs through as well stays at its first element.
  const origin = anchor.inputs[0].type.shape.map(() => affine());
  if (innermost?.reduced) {
    const all = (index: Affine[]) => total(ctx, reduced, index, null, 1, (sums) => result(ctx, index, null, sums));
    loops(ctx, kept, origin, all, true);
    return;
  }
  const lanes = kept.pop()!;
  const blocks = Math.ceil(iterations(ctx, lanes) / (ctx.target.lanes * LINE));
  if (ctx.target.lanes > 1 && kept.length === 0 && reduced.length > 1 && !lanes.extent.dynamic) {
    const few = bestBalanced([blocks, iterations(ctx, reduced[0])]) === 1;
    if (few) return inParts(ctx, lanes, reduced, origin);
  }
  // What threads share out: a loop around the lanes, or the lanes.
  const alone = kept.length === 0;
  const each = (index: Affine[]) => {
    const sums = (v: Local, vectors: number, vector: boolean) => {
      const here = put(index, lanes.axis, affine(0, [v, 1]));
      const at = { v, axis: lanes.axis, vector };
      total(ctx, reduced, here, at, vectors, (values) => result(ctx, here, at, values));
    };
    keepLanes(ctx, lanes, sums, alone);
  };
  loops(ctx, kept, origin, each, true);
}

const iterations = (ctx: GroupContext, { extent }: Axis): number => extent.size * (extent.dynamic ? ctx.batch : 1);

/**
 * Few results of long sums: threads share out the outermost reduced axis. The sum of each of its iterations is kept, and when
 * all are there, they are added up in order.
 */
function inParts(ctx: GroupContext, lanes: Axis, [outer, ...inner]: readonly Axis[], origin: Affine[]): void {
  const { k } = ctx;
  const { op, start } = OPS[ctx.group.anchor!.op as "sum" | "max"];
  const size = lanes.extent.size;
  const all = iterations(ctx, outer) * size;
  const buffer = ctx.common(reductions(ctx).length * all);
  const tyOf = (vector: boolean) => (vector ? "f32x4" : "f32");
  /** The register of a vector of a reduction, as `total` numbers them. */
  const place = (i: Local, v: Local, register: number, vectors: number): Affine =>
    affine(Math.floor(register / vectors) * all + (register % vectors) * ctx.target.lanes, [i, size], [v, 1]);
  const part = (i: Local) =>
    keepLanes(ctx, lanes, (v, vectors, vector) => {
      const here = put(put(origin, outer.axis, affine(0, [i, 1])), lanes.axis, affine(0, [v, 1]));
      total(ctx, inner, here, { v, axis: lanes.axis, vector }, vectors, (sums) =>
        sums.forEach((value, u) => {
          k.add({ k: "store", buffer, at: place(i, v, u, vectors), value, stride: vector ? 1 : 0 });
        }),
      );
    });
  k.for("i", 0, count(k, outer.extent), 1, part, "first");
  k.add({ k: "barrier" });
  const whole = (v: Local, vectors: number, vector: boolean) => {
    const ty = tyOf(vector);
    const registers = vectors * reductions(ctx).length;
    const sums = Array.from({ length: registers }, () => k.variable({ k: "const", ty, value: start }, "sum"));
    k.for("i", 0, count(k, outer.extent), 1, (i) =>
      sums.forEach((sum, u) => {
        const value: Expr = { k: "load", ty, buffer, at: place(i, v, u, vectors), stride: vector ? 1 : 0 };
        k.set(sum, k.e.binary(op, k.e.local(sum), value));
      }),
    );
    const here = put(origin, lanes.axis, affine(0, [v, 1]));
    result(
      ctx,
      here,
      { v, axis: lanes.axis, vector },
      sums.map((sum) => k.e.local(sum)),
    );
  };
  keepLanes(ctx, lanes, whole, true);
}

/**
 * Vectors of results that a pass over kept lanes accumulates at once: two cache lines, as memory gives neighbours together. Two
 * sums for each sample are those of what the kernel before has just made: there registers count, not lines.
 */
function vectorsAtOnce(ctx: GroupContext): number {
  const perSample = ctx.group.outputs[0].type.shape.includes("n");
  return perSample && reductions(ctx).length > 1 ? LINE : 2 * LINE;
}

/** Blocks of vectors along a kept axis, then single vectors, then single elements. */
function keepLanes(
  ctx: GroupContext,
  lanes: Axis,
  body: (v: Local, vectors: number, vector: boolean) => void,
  parallel = false,
): void {
  const { k, target } = ctx;
  const pass = (from: Expr | number, to: Expr | number, width: number, vectors: number, vector: boolean) => {
    if (from === to) return;
    k.for("l", from, to, width * vectors, (v) => body(v, vectors, vector), parallel && (from === 0 ? "first" : "last"));
  };
  const width = target.lanes;
  if (lanes.extent.dynamic) return pass(0, count(k, lanes.extent), 1, 1, false);
  const block = vectorsAtOnce(ctx);
  const blocks = lanes.extent.size - (lanes.extent.size % (width * block));
  const vectors = lanes.extent.size - (lanes.extent.size % width);
  pass(0, blocks, width, block, width > 1);
  if (width > 1) pass(blocks, vectors, width, 1, true);
  pass(width > 1 ? vectors : blocks, lanes.extent.size, 1, 1, false);
}

/** The counter of a kept innermost axis, by vectors or one by one. */
interface Kept {
  readonly v: Local;
  readonly axis: number;
  readonly vector: boolean;
}

/** Registers of sums under way, one reduction's after the other's: of whole vectors or single elements, and of what vectors leave over. */
interface Sums {
  readonly main: readonly Local[];
  readonly rest: readonly Local[];
}

/** The reductions at one kept index (or `vectors` of them, side by side), as one register each. */
function total(
  ctx: GroupContext,
  reduced: readonly Axis[],
  index: Affine[],
  kept: Kept | null,
  vectors: number,
  use: (sums: Expr[]) => void,
): void {
  const { k, target } = ctx;
  const { op, start } = OPS[ctx.group.anchor!.op as "sum" | "max"];
  const operands = reductions(ctx).map((reduction) => reduction.inputs[0]);
  const along = reduced[reduced.length - 1];
  // Lanes along the innermost reduced axis, when that is where memory is contiguous.
  const inLanes = kept === null && target.lanes > 1 && innermostOf(ctx, along) && along.extent.size >= target.lanes;
  const lane = kept?.vector ? kept.v : null;
  const ty = lane || inLanes ? "f32x4" : "f32";
  const rest = inLanes && along.extent.size % target.lanes !== 0;
  const fresh = (name: string): Sums => ({
    main: Array.from({ length: vectors * operands.length }, () => k.variable({ k: "const", ty, value: start }, name)),
    rest: rest ? operands.map(() => k.variable({ k: "const", ty: "f32", value: start }, name)) : [],
  });
  const fold = (sums: readonly Local[], values: readonly Expr[]) =>
    sums.forEach((sum, i) => {
      k.set(sum, k.e.binary(op, k.e.local(sum), values[i].ty === sum.ty ? values[i] : k.e.splat(values[i])));
    });
  /** Sums of their own for what `body` adds up, which are added as one. */
  const apart = (sums: Sums, name: string, body: (own: Sums) => void) => {
    const own = fresh(name);
    body(own);
    for (const part of ["main", "rest"] as const)
      fold(
        sums[part],
        own[part].map((sum) => k.e.local(sum)),
      );
  };
  const read = (here: Affine[], scope: Scope): Expr[] =>
    operands.flatMap((operand) =>
      Array.from({ length: vectors }, (_, u) =>
        scope.at(operand, kept ? here.map((a) => shift(a, kept.v, u * target.lanes)) : here),
      ),
    );

  const go = ([first, ...inner]: readonly Axis[], here: Affine[], sums: Sums): void => {
    if (!first) return fold(sums.main, read(here, ctx.scope(lane)));
    const { axis, extent } = first;
    const end = count(k, extent);
    const at = (v: Local) => put(here, axis, affine(0, [v, 1]));
    if (inner.length === 0 && inLanes) {
      const whole = vectorPart(k, extent, target.lanes);
      k.for("r", 0, whole, target.lanes, (v) => fold(sums.main, read(at(v), ctx.scope(v))));
      if (rest) k.for("r", whole, end, 1, (v) => fold(sums.rest, read(at(v), ctx.scope(null))));
      return;
    }
    const outermost = inner.length === reduced.length - 1;
    const each = (own: Sums) => (v: Local) => {
      if (outermost && inner.length > 0) apart(own, "part", (part) => go(inner, at(v), part));
      else go(inner, at(v), own);
    };
    if (!outermost || iterations(ctx, first) <= LONG_SUM) return k.for("r", 0, end, 1, each(sums));
    const last = typeof end === "number" ? k.e.const(end, "i32") : end;
    k.for("block", 0, end, LONG_SUM, (block) => {
      const to = k.let(k.e.binary("min", k.e.add(k.e.local(block), k.e.const(LONG_SUM, "i32")), last), "to");
      apart(sums, "block", (own) => k.for("r", k.e.local(block), to, 1, each(own)));
    });
  };
  const sums = fresh("sum");
  go(reduced, index, sums);
  if (!inLanes) return use(sums.main.map((sum) => k.e.local(sum)));
  use(
    sums.main.map((sum, i) => {
      const folded = k.let({ k: "fold", ty: "f32", op, a: k.e.local(sum) }, "sum");
      return rest ? k.e.binary(op, folded, k.e.local(sums.rest[i])) : folded;
    }),
  );
}

function result(ctx: GroupContext, index: Affine[], kept: Kept | null, sums: Expr[]): void {
  const anchor = ctx.group.anchor!;
  const all = reductions(ctx);
  const vectors = sums.length / all.length;
  const removed = anchor.attrs.axes as number[];
  for (let u = 0; u < vectors; u++) {
    const here = kept ? put(index, kept.axis, shift(index[kept.axis], kept.v, u * ctx.target.lanes)) : index;
    const remaining = anchor.inputs[0].type.shape.flatMap((_, axis) => (removed.includes(axis) ? [] : [here[axis]]));
    const registers = new Map(all.map((reduction, i) => [reduction, sums[i * vectors + u]]));
    finish(ctx, remaining, kept?.vector ? kept.v : null, registers);
  }
}

/** What the kernel finds in one pass. */
function reductions({ group }: GroupContext): Value[] {
  return group.also ? [group.anchor!, group.also] : [group.anchor!];
}

/** The index `by` further along the counter `v`. */
const shift = (a: Affine, v: Local, by: number): Affine => {
  const step = a.terms.find((t) => t.v === v)?.by ?? 0;
  return { base: a.base + step * by, terms: a.terms };
};

/** Threads share out one of the loops if they are `apart`: if their iterations write to different places. */
function loops(
  ctx: GroupContext,
  axes: readonly Axis[],
  index: Affine[],
  body: (index: Affine[]) => void,
  apart = false,
): void {
  const shared = apart ? bestBalanced(axes.map((axis) => iterations(ctx, axis))) : -1;
  const go = (depth: number, here: Affine[]): void => {
    if (depth === axes.length) return body(here);
    const { axis, extent } = axes[depth];
    const next = (v: Local) => go(depth + 1, put(here, axis, affine(0, [v, 1])));
    ctx.k.for("i", 0, count(ctx.k, extent), 1, next, depth === shared && "first");
  };
  go(0, index);
}

/**
 * The operands' axes, largest stride first; neighbouring reduced axes that memory runs through in one go are merged. There is
 * nothing to run through along axes of one element.
 */
function inMemoryOrder(ctx: GroupContext, reduced: readonly number[]): Axis[] {
  const { steps, numbers } = stepsOf(ctx);
  const { shape } = ctx.group.anchor!.inputs[0].type;
  const span = (axis: number) => Math.max(0, ...steps.map((s) => Math.abs(s[axis])));
  const long = [...shape.keys()].filter((axis) => shape[axis] !== 1);
  const order = (long.length > 0 ? long : [...shape.keys()]).sort((a, b) => span(b) - span(a) || a - b);
  const axes: Axis[] = [];
  for (const axis of order.reverse()) {
    const extent = extentOf(shape[axis]);
    const next = axes[0];
    const joins =
      next?.reduced &&
      reduced.includes(axis) &&
      !next.extent.dynamic &&
      !numbers.has(axis) &&
      !numbers.has(next.axis) &&
      // The outermost reduced loop stays: it carries the blocked summation.
      axis !== order[order.length - 1] &&
      steps.every((s) => s[axis] === next.extent.size * s[next.axis]);
    if (joins) axes[0] = { ...next, extent: { size: extent.size * next.extent.size, dynamic: extent.dynamic } };
    else axes.unshift({ axis, extent, reduced: reduced.includes(axis) });
  }
  return axes;
}

/** Whether some stored operand is contiguous along the axis. */
function innermostOf(ctx: GroupContext, along: Axis): boolean {
  return stepsOf(ctx).steps.some((s) => s[along.axis] === 1);
}

/** For each address that the operands touch, its step along each axis; and the axes whose index is used as a number. */
function stepsOf(ctx: GroupContext): { steps: number[][]; numbers: Set<number> } {
  const trial = ctx.trial();
  const counters = ctx.group.anchor!.inputs[0].type.shape.map((_, axis) => trial.k.local("i32", `axis${axis}_`));
  const index = counters.map((v) => affine(0, [v, 1]));
  for (const { inputs } of reductions(ctx)) trial.k.let(trial.scope(null).at(inputs[0], index));
  const touched = addressesIn(trial.k.finish("trial").body);
  const steps = touched.addresses.map((a) => counters.map((v) => a.terms.find((t) => t.v === v)?.by ?? 0));
  return { steps, numbers: new Set(counters.flatMap((v, axis) => (touched.numbers.has(v) ? [axis] : []))) };
}

const put = (index: readonly Affine[], axis: number, a: Affine): Affine[] => {
  const copy = [...index];
  copy[axis] = a;
  return copy;
};

/** The index of the first largest element; a NaN counts as the largest. */
export function argmax(ctx: GroupContext): void {
  const { k } = ctx;
  const { e } = k;
  const anchor = ctx.group.anchor!;
  const axis = anchor.attrs.axis as number;
  const shape = anchor.inputs[0].type.shape;
  const kept = [...shape.keys()]
    .filter((a) => a !== axis)
    .map((a) => ({ axis: a, extent: extentOf(shape[a]), reduced: false }));
  const largest = (index: Affine[]) => {
    const best = k.variable(e.const(Number.NEGATIVE_INFINITY), "best");
    const where = k.variable(e.const(0, "i32"), "where");
    k.for("r", 0, k.dim(shape[axis]), 1, (v) => {
      const x = ctx.scope(null).at(anchor.inputs[0], put(index, axis, affine(0, [v, 1])));
      const nan = e.compare("ne", x, x);
      const still = e.compare("eq", e.local(best), e.local(best));
      const better = k.let(e.binary("or", e.compare("gt", x, e.local(best)), e.binary("and", nan, still)));
      k.set(where, e.select(better, e.local(v), e.local(where)));
      k.set(best, e.select(better, x, e.local(best)));
    });
    const at = index.filter((_, a) => a !== axis);
    finish(ctx, at, null, new Map([[anchor, e.local(where)]]));
  };
  loops(ctx, kept, [], largest, true);
}
