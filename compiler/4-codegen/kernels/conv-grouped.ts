/**
 * Convolutions with groups, and their gradients, straight from the definition: one element at a time. Depthwise ones are
 * bound by memory, not by arithmetic.
 */
import { type Dim, sizeOf } from "../../ir/graph.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import { finish, type GroupContext, operand, zeroAll, zeroPadding } from "../group-context.ts";
import { affine } from "../kernel-builder.ts";
import { addressOf, type Place } from "../scope.ts";

interface Shape {
  readonly samples: Dim;
  readonly groups: number;
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly kernel: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Channels of a group. */
  readonly inner: number;
  readonly outer: number;
}

/** Counters of one product x[n, g·inner + c, iy, ix] · w[g·outer + o, c, ky, kx] that belongs to y[n, g·outer + o, y, x]. */
interface Term {
  readonly n: Local;
  readonly g: Local;
  readonly c: Local;
  readonly o: Local;
  readonly ky: Local;
  readonly kx: Local;
  readonly y: Local;
  readonly x: Local;
}

type Name = keyof Term;

export function groupedConv2d(ctx: GroupContext): void {
  const [x, w] = ctx.group.anchor!.inputs;
  const shape = shapeOf(ctx, x.type.shape, w.type.shape, ctx.group.anchor!.type.shape);
  const [xp, wp] = [operand(ctx, x), operand(ctx, w)];
  sum(
    ctx,
    shape,
    ["n", "g", "o", "y", "x"],
    ["c", "ky", "kx"],
    (t) => [load(xp, inputAt(shape, t)), load(wp, weightAt(shape, t))],
    outputAt,
  );
}

export function groupedGradInput(ctx: GroupContext): void {
  const [dy, w] = ctx.group.anchor!.inputs;
  const shape = shapeOf(ctx, ctx.group.anchor!.type.shape, w.type.shape, dy.type.shape);
  const [dyp, wp] = [operand(ctx, dy), operand(ctx, w)];
  scatter(
    ctx,
    shape,
    ["n", "g", "c", "o", "ky", "kx", "y", "x"],
    (t) => [load(dyp, outputAt(shape, t)), load(wp, weightAt(shape, t))],
    inputAt,
  );
}

export function groupedGradWeight(ctx: GroupContext): void {
  const [x, dy] = ctx.group.anchor!.inputs;
  const shape = shapeOf(ctx, x.type.shape, ctx.group.anchor!.type.shape, dy.type.shape);
  const [xp, dyp] = [operand(ctx, x), operand(ctx, dy)];
  sum(
    ctx,
    shape,
    ["g", "o", "c", "ky", "kx"],
    ["n", "y", "x"],
    (t) => [load(xp, inputAt(shape, t)), load(dyp, outputAt(shape, t))],
    weightAt,
  );
}

function shapeOf(ctx: GroupContext, x: readonly Dim[], weights: readonly Dim[], output: readonly Dim[]): Shape {
  const w = weights as number[];
  const { groups, stride, padding, dilation } = ctx.group.anchor!.attrs as Record<string, never>;
  return {
    samples: x[0],
    groups,
    stride,
    padding,
    dilation,
    kernel: w.slice(2),
    input: x.slice(2) as number[],
    output: output.slice(2) as number[],
    inner: w[1],
    outer: w[0] / groups,
  };
}

const rowOf = (s: Shape, t: Term): Affine => affine(-s.padding[0], [t.y, s.stride[0]], [t.ky, s.dilation[0]]);
const columnOf = (s: Shape, t: Term): Affine => affine(-s.padding[1], [t.x, s.stride[1]], [t.kx, s.dilation[1]]);
const inputAt = (s: Shape, t: Term): Affine[] => [
  affine(0, [t.n, 1]),
  affine(0, [t.g, s.inner], [t.c, 1]),
  rowOf(s, t),
  columnOf(s, t),
];
const outputAt = (s: Shape, t: Term): Affine[] => [
  affine(0, [t.n, 1]),
  affine(0, [t.g, s.outer], [t.o, 1]),
  affine(0, [t.y, 1]),
  affine(0, [t.x, 1]),
];
const weightAt = (s: Shape, t: Term): Affine[] => [
  affine(0, [t.g, s.outer], [t.o, 1]),
  affine(0, [t.c, 1]),
  affine(0, [t.ky, 1]),
  affine(0, [t.kx, 1]),
];
const load = (place: Place, index: Affine[]): Expr => ({
  k: "load",
  ty: "f32",
  buffer: place.buffer,
  at: addressOf(place.layout, index),
  stride: 0,
});

function loops(
  ctx: GroupContext,
  s: Shape,
  names: readonly Name[],
  term: Partial<Term>,
  body: (t: Partial<Term>) => void,
  /** The loops whose iterations write to different places. */
  apart: readonly Name[] = [],
): void {
  const extents = extentsOf(s);
  const shared = apart.length > 0 ? apart[bestBalanced(apart.map((name) => sizeOf([extents[name]], ctx.batch)))] : null;
  const go = ([name, ...rest]: readonly Name[], outer: Partial<Term>): void => {
    if (name === undefined) return body(outer);
    const next = (v: Local) => go(rest, { ...outer, [name]: v });
    ctx.k.for(name, 0, ctx.k.dim(extents[name]), 1, next, name === shared && "first");
  };
  go(names, term);
}

const extentsOf = (s: Shape): Record<Name, Dim> => ({
  n: s.samples,
  g: s.groups,
  c: s.inner,
  o: s.outer,
  ky: s.kernel[0],
  kx: s.kernel[1],
  y: s.output[0],
  x: s.output[1],
});

/** Runs `body` where the window element lies inside the image. */
function whereInside(ctx: GroupContext, s: Shape, t: Term, body: () => void): void {
  const { k } = ctx;
  const { e } = k;
  const within = (a: Affine, size: number) => {
    const i = k.let(k.index(a));
    return e.binary("and", e.compare("ge", i, e.const(0, "i32")), e.compare("lt", i, e.const(size, "i32")));
  };
  k.if(e.binary("and", within(rowOf(s, t), s.input[0]), within(columnOf(s, t), s.input[1])), body);
}

/** Each result is a sum of products of two loads. */
function sum(
  ctx: GroupContext,
  s: Shape,
  kept: readonly Name[],
  reduced: readonly Name[],
  factors: (t: Term) => [Expr, Expr],
  at: (s: Shape, t: Term) => Affine[],
): void {
  const { k } = ctx;
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  const element = (outer: Partial<Term>) => {
    const acc = k.variable(k.e.const(0), "acc");
    loops(ctx, s, reduced, outer, (t) =>
      whereInside(ctx, s, t as Term, () => {
        const [a, b] = factors(t as Term);
        k.set(acc, k.e.add(k.e.local(acc), k.e.mul(a, b)));
      }),
    );
    finish(ctx, at(s, outer as Term), null, new Map([[ctx.group.anchor!, k.e.local(acc)]]));
  };
  loops(ctx, s, kept, {}, element, kept);
}

/** Products are added to results in memory. */
function scatter(
  ctx: GroupContext,
  s: Shape,
  names: readonly Name[],
  factors: (t: Term) => [Expr, Expr],
  at: (s: Shape, t: Term) => Affine[],
): void {
  const { k } = ctx;
  const place = ctx.place(ctx.group.outputs[0]);
  zeroAll(ctx, ctx.group.outputs[0]);
  const product = (t: Partial<Term>) =>
    whereInside(ctx, s, t as Term, () => {
      const [a, b] = factors(t as Term);
      const index = at(s, t as Term);
      const value = k.e.add(load(place, index), k.e.mul(a, b));
      k.add({ k: "store", buffer: place.buffer, at: addressOf(place.layout, index), value, stride: 0 });
    });
  loops(ctx, s, names, {}, product, ["n", "g", "c"]);
}
