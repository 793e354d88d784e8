/**
 * What matrix products are made of: register tiles of 4 rows by 2 vectors, 8 accumulators, and for each term 4 broadcast loads, 2
 * vector loads, 8 multiplications and 8 additions.
 */
import { type Dim, sizeOf } from "../../ir/graph.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import type { Extent, GroupContext } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import type { Place } from "../scope.ts";

/** Rows of a tile. */
export const ROWS = 4;

/** Terms of a long sum that are added up on their own: rounding errors grow with the length of a sum. */
const DEPTH_BLOCK = 128;

export interface TileOperands {
  /** Elements between neighbouring columns of b. */
  readonly bStep?: number;
  readonly a: Place;
  readonly aAt: (k: Affine, row: number) => Affine;
  readonly b: Place;
  readonly bAt: (k: Affine) => Affine;
}

/** What sums are added to. */
export interface Start {
  readonly at: (row: number, vector: number) => Expr;
  /** Whether it is there; else the sums start from nothing, and memory that holds nothing yet is not waited for. */
  readonly exists?: Expr;
}

/** One register tile: `rows` × `vectors` sums over the depth, of at least one term, on top of what they `start` from, if anything. */
export function tile(
  ctx: GroupContext,
  rows: number,
  vectors: number,
  depth: Expr | number | readonly [from: Local, to: Expr],
  operands: TileOperands,
  use: (acc: Expr, row: number, vector: number) => void,
  start?: Start,
): void {
  const { k, target } = ctx;
  const { e } = k;
  const products = (at: Affine, use: (product: Expr, r: number, v: number) => void) =>
    eachProduct(ctx, rows, vectors, operands, at, use);
  /** The first term begins the sums: an addition less than from zero. */
  const sumsOf = (from: Affine, to: Expr | number, name: string): Local[][] => {
    const sums: Local[][] = Array.from({ length: rows }, () => []);
    products(from, (product, r, v) => {
      sums[r][v] = k.variable(product, name);
    });
    if (start) {
      const { at, exists } = start;
      const add = () => sums.forEach((row, r) => row.forEach((sum, v) => k.set(sum, e.add(at(r, v), e.local(sum)))));
      if (exists) k.if(exists, add);
      else add();
    }
    k.for("k", k.index(addAffine(from, affine(1))), to, 1, (kk) =>
      products(affine(0, [kk, 1]), (product, r, v) => k.set(sums[r][v], e.add(e.local(sums[r][v]), product))),
    );
    return sums;
  };
  const inBlocks = (terms: number): Local[][] => {
    const zero: Expr = { k: "const", ty: target.lanes > 1 ? "f32x4" : "f32", value: 0 };
    const acc = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => k.variable(zero, "acc")));
    k.for("block", 0, terms, DEPTH_BLOCK, (block) => {
      const to = e.binary("min", e.add(e.local(block), e.const(DEPTH_BLOCK, "i32")), e.const(terms, "i32"));
      const part = sumsOf(affine(0, [block, 1]), k.let(to, "to"), "part");
      part.forEach((sums, r) => sums.forEach((sum, v) => k.set(acc[r][v], e.add(e.local(acc[r][v]), e.local(sum)))));
    });
    return acc;
  };
  const all = (): Local[][] => {
    if (Array.isArray(depth)) return sumsOf(affine(0, [depth[0], 1]), depth[1], "acc");
    if (typeof depth === "number" && depth > DEPTH_BLOCK) return inBlocks(depth);
    return sumsOf(affine(), depth as Expr | number, "acc");
  };
  all().forEach((sums, r) => sums.forEach((sum, v) => use(e.local(sum), r, v)));
}

/** The products of term `at`: `rows` broadcast numbers times `vectors` vectors. */
function eachProduct(
  { k, target }: GroupContext,
  rows: number,
  vectors: number,
  { a, aAt, b, bAt, bStep = 1 }: TileOperands,
  at: Affine,
  use: (product: Expr, row: number, vector: number) => void,
): void {
  const ty = target.lanes > 1 ? "f32x4" : "f32";
  const right = Array.from({ length: vectors }, (_, v) => {
    const from = addAffine(bAt(at), affine(v * target.lanes * bStep));
    return k.let({ k: "load", ty, buffer: b.buffer, at: from, stride: bStep }, "b");
  });
  for (let r = 0; r < rows; r++) {
    const left = k.let({ k: "load", ty, buffer: a.buffer, at: aAt(at, r), stride: 0 }, "a");
    for (let v = 0; v < vectors; v++) use(k.e.mul(left, right[v]), r, v);
  }
}

/** Loops over axes whose indices the body only passes on; threads share out the first if it is `parallel`. */
export function over(
  ctx: GroupContext,
  shape: readonly Dim[],
  body: (index: Affine[]) => void,
  parallel = false,
  index: Affine[] = [],
): void {
  if (shape.length === 0) return body(index);
  const next = (v: Local) => over(ctx, shape.slice(1), body, false, [...index, affine(0, [v, 1])]);
  ctx.k.for("i", 0, ctx.k.dim(shape[0]), 1, next, parallel && "first");
}

/** Whether the axes of rows lie in memory as one. */
export function contiguousRows(place: Place, rows: readonly Dim[]): boolean {
  if (place.layout.panel > 0 || rows.length === 1) return rows.length === 1;
  const first = place.layout.dims.length - 1 - rows.length;
  const strides = place.layout.dims.slice(first, -1).map((d) => d.stride);
  const inOrder = place.layout.dims.every((d, i) => d.axis === i);
  return inOrder && rows.every((dim, i) => i === 0 || (dim !== "n" && strides[i - 1] === dim * strides[i]));
}

/** All rows as the last axis of rows, the others at index 0; only for results that no epilogue needs the true index of. */
export function merged(rows: readonly Dim[]): { index: Affine[]; extent: Extent } {
  const size = sizeOf(
    rows.filter((dim) => dim !== "n"),
    1,
  );
  return { index: rows.slice(1).map(() => affine()), extent: { size, dynamic: rows.includes("n") } };
}
