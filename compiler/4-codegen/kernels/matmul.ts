/**
 * Matrix product C[.., m, n] = Σ_k A[.., m, k] · B[.., k, n] in register tiles of 4 rows by 2 vectors: 8 accumulators, and
 * for each k 4 broadcast loads of A, 2 vector loads of B, 8 multiplications and 8 additions.
 */
import { type Dim, sizeOf, type Value } from "../../ir/graph.ts";
import { stridesOf } from "../../ir/layout.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import {
  count,
  type Extent,
  finish,
  type GroupContext,
  operand,
  vectorPart,
  zeroAll,
  zeroPadding,
} from "../group-context.ts";
import { addAffine, affine, type KernelBuilder } from "../kernel-builder.ts";
import { addressOf, type Place } from "../scope.ts";

const ROWS = 4;

/** Sums of so few terms that a panel of them stays in registers, with room for those of a row. */
const THIN = 4;

/** Terms of a long sum that are added up on their own: rounding errors grow with the length of a sum. */
const DEPTH_BLOCK = 128;

export function matmul(ctx: GroupContext): void {
  const { k, target, batch } = ctx;
  const anchor = ctx.group.anchor!;
  const [left, right] = anchor.inputs;
  const depth = left.type.shape[left.type.shape.length - 1];
  const last = right.type.shape[right.type.shape.length - 1];
  const columns = last === "n" ? batch : last;
  const a = viewed(ctx, left);
  const b = viewed(ctx, right);
  const width = 2 * target.lanes;
  const batchAxes = right.type.shape.length - 2;
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);

  // Threads share out whole products, panels of columns, or rows.
  const batches = left.type.shape.slice(0, batchAxes);
  const rows = left.type.shape.slice(batchAxes, -1);
  const level = bestBalanced([sizeOf(batches.slice(0, 1), batch), columns / width, sizeOf(rows, batch) / ROWS]);
  /** The panel stays in registers while the rows pass by. */
  const thin = (outer: Affine[], column: Local, columnsHere: number, vectors: number, depth: number) => {
    const ty = target.lanes > 1 ? "f32x4" : "f32";
    const ks = Array.from({ length: depth }, (_, kk) => affine(kk));
    const load = (place: Place, at: Affine, stride: number) =>
      k.let({ k: "load", ty, buffer: place.buffer, at, stride });
    const held = ks.map((kk) =>
      Array.from({ length: vectors }, (_, v) =>
        load(b.place, addAffine(b.panel(outer, column, kk), affine(v * target.lanes)), 1),
      ),
    );
    const row = (rowIndex: Affine[], row: Local) => {
      const index = [...outer, ...rowIndex, affine(0, [row, 1])];
      const lefts = ks.map((kk) => load(a.place, a.at([...index, kk]), 0));
      for (let v = 0; v < vectors; v++) {
        const products = lefts.map((left, kk) => k.e.mul(left, held[kk][v]));
        const sum = k.let(products.reduce((total, term) => k.e.add(total, term)));
        const at = [...index, affine(v * target.lanes, [column, 1])];
        const partial = Math.min(target.lanes, columnsHere - v * target.lanes);
        finish(ctx, at, target.lanes > 1 ? column : null, new Map([[anchor, sum]]), partial);
      }
    };
    eachRows(ctx, a.place, rows, row, level === 2, 1);
  };
  const product = (outer: Affine[]) => {
    const panels = (from: number, to: number, columnsHere: number) => {
      if (from === to) return;
      const vectors = Math.ceil(columnsHere / target.lanes);
      const panel = (column: Local) => {
        if (typeof depth === "number" && depth <= THIN) return thin(outer, column, columnsHere, vectors, depth);
        const block = (rowIndex: Affine[], row: Local, count: number) => {
          const index = (r: number) => [...outer, ...rowIndex, affine(r, [row, 1])];
          const operands: TileOperands = {
            a: a.place,
            aAt: (kk, r) => a.at([...index(r), affine(0, [kk, 1])]),
            b: b.place,
            bAt: (kk) => b.panel(outer, column, affine(0, [kk, 1])),
          };
          tile(ctx, count, vectors, k.dim(depth), operands, (acc, r, v) => {
            const at = [...index(r), affine(v * target.lanes, [column, 1])];
            const partial = Math.min(target.lanes, columnsHere - v * target.lanes);
            finish(ctx, at, target.lanes > 1 ? column : null, new Map([[anchor, acc]]), partial);
          });
        };
        eachRows(ctx, a.place, rows, block, level === 2);
      };
      k.for("column", from, to, width, panel, level === 1 && (from === 0 ? "first" : "last"));
    };
    const whole = columns - (columns % width);
    panels(0, whole, width);
    if (columns > whole) panels(whole, columns, columns - whole);
  };
  over(ctx, batches, product, level === 0);
}

/** Rows that are added up before the next tile's turn, so that they stay in the cache. */
const ROW_BLOCK = 256;

/**
 * y[.., i, j] = Σ over rows of a[.., row, i] · b[.., row, j]. A few rows are added to the sums so far, more than a block of them
 * are summed up block by block.
 */
export function contractRows(ctx: GroupContext): void {
  const { k, target } = ctx;
  const anchor = ctx.group.anchor!;
  const [left, right] = anchor.inputs;
  const batchAxes = anchor.attrs.batch as number;
  const [height, width] = anchor.type.shape.slice(-2) as number[];
  const [a, b, out] = [operand(ctx, left), operand(ctx, right), ctx.place(ctx.group.outputs[0])];
  const ty = target.lanes > 1 ? "f32x4" : "f32";
  const panel = 2 * target.lanes;
  zeroAll(ctx, ctx.group.outputs[0]);

  // Threads share out whole products, or tiles: rows or columns of them.
  const batches = anchor.type.shape.slice(0, batchAxes);
  const level = bestBalanced([sizeOf(batches.slice(0, 1), ctx.batch), height / ROWS, width / panel]);
  const product = (outer: Affine[]) => {
    const rows = left.type.shape.slice(batchAxes, -1);
    const short = sizeOf(rows, ctx.batch) <= ROW_BLOCK;
    eachBlock(ctx, a, b, rows, (rowIndex, from, to) => {
      const strip = (i: Local, high: number) => {
        const block = (j: Local, wide: number) => {
          const vectors = Math.ceil(wide / target.lanes);
          const at = (r: number, v: number) =>
            addressOf(out.layout, [...outer, affine(r, [i, 1]), affine(v * target.lanes, [j, 1])]);
          const operands: TileOperands = {
            a,
            aAt: (row, r) => addressOf(a.layout, [...outer, ...rowIndex, affine(0, [row, 1]), affine(r, [i, 1])]),
            b,
            bStep: stridesOf(b.layout, right.type.shape.length).at(-1),
            bAt: (row) => addressOf(b.layout, [...outer, ...rowIndex, affine(0, [row, 1]), affine(0, [j, 1])]),
          };
          const old = (r: number, v: number): Expr => ({ k: "load", ty, buffer: out.buffer, at: at(r, v), stride: 1 });
          const store = (value: Expr, r: number, v: number) => {
            const partial = Math.min(target.lanes, wide - v * target.lanes);
            k.add({ k: "store", buffer: out.buffer, at: at(r, v), value, stride: 1, count: partial });
          };
          if (short) tile(ctx, high, vectors, [from, to], operands, store, old);
          else tile(ctx, high, vectors, [from, to], operands, (sum, r, v) => store(k.e.add(old(r, v), sum), r, v));
        };
        split(k, width, panel, block, level === 2);
      };
      split(k, height, ROWS, strip, level === 1);
    });
  };
  over(ctx, batches, product, level === 0);
}

/** Loops over axes whose indices the body only passes on; threads share out the first if it is `parallel`. */
function over(
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

/** Pieces of `piece` along a fixed length, then what is left. */
function split(
  k: KernelBuilder,
  length: number,
  piece: number,
  body: (from: Local, size: number) => void,
  parallel = false,
): void {
  const rest = length % piece;
  if (length > rest) k.for("i", 0, length - rest, piece, (i) => body(i, piece), parallel && "first");
  if (rest > 0) k.for("i", length - rest, length, rest, (i) => body(i, rest), parallel && "last");
}

/** Whether the axes of rows lie in memory as one. */
function contiguousRows(place: Place, rows: readonly Dim[]): boolean {
  if (place.layout.panel > 0 || rows.length === 1) return rows.length === 1;
  const first = place.layout.dims.length - 1 - rows.length;
  const strides = place.layout.dims.slice(first, -1).map((d) => d.stride);
  const inOrder = place.layout.dims.every((d, i) => d.axis === i);
  return inOrder && rows.every((dim, i) => i === 0 || (dim !== "n" && strides[i - 1] === dim * strides[i]));
}

/** All rows as the last axis of rows, the others at index 0; only for results that no epilogue needs the true index of. */
function merged(rows: readonly Dim[]): { index: Affine[]; extent: Extent } {
  const size = sizeOf(
    rows.filter((dim) => dim !== "n"),
    1,
  );
  return { index: rows.slice(1).map(() => affine()), extent: { size, dynamic: rows.includes("n") } };
}

/** Tiles of `height` rows, then what is left, over every axis of rows. */
function eachRows(
  ctx: GroupContext,
  a: Place,
  rows: readonly Dim[],
  body: (outer: Affine[], row: Local, count: number) => void,
  parallel = false,
  height = ROWS,
): void {
  const { k, group } = ctx;
  const plain = group.inside.size === 0 && contiguousRows(ctx.place(group.outputs[0]), rows);
  if (rows.length === 1 || (plain && contiguousRows(a, rows))) {
    const { index, extent } = merged(rows);
    const whole = vectorPart(k, extent, height);
    if (whole !== 0) k.for("row", 0, whole, height, (row) => body(index, row, height), parallel && "first");
    if (extent.size % height === 0) return;
    const step = extent.dynamic ? 1 : extent.size % height;
    k.for("row", whole, count(k, extent), step, (row) => body(index, row, step), parallel && "last");
    return;
  }
  const last = (outer: Affine[]) => eachRows(ctx, a, rows.slice(-1), (_, row, n) => body(outer, row, n), false, height);
  over(ctx, rows.slice(0, -1), last, parallel);
}

/** Blocks of rows in order: [from, to) of the last axis of rows. */
function eachBlock(
  ctx: GroupContext,
  a: Place,
  b: Place,
  rows: readonly Dim[],
  body: (outer: Affine[], from: Expr, to: Expr) => void,
): void {
  const { k } = ctx;
  const { e } = k;
  if (rows.length > 1 && !(contiguousRows(a, rows) && contiguousRows(b, rows))) {
    return over(ctx, rows.slice(0, -1), (outer) =>
      eachBlock(ctx, a, b, rows.slice(-1), (_, from, to) => body(outer, from, to)),
    );
  }
  const { index, extent } = merged(rows);
  const end = count(k, extent);
  const total = typeof end === "number" ? e.const(end, "i32") : k.let(end, "rows");
  k.for("block", 0, total, ROW_BLOCK, (block) => {
    const to = k.let(e.binary("min", e.add(e.local(block), e.const(ROW_BLOCK, "i32")), total), "to");
    body(index, e.local(block), to);
  });
}

interface TileOperands {
  /** Elements between neighbouring columns of b. */
  readonly bStep?: number;
  readonly a: Place;
  readonly aAt: (k: Local, row: number) => Affine;
  readonly b: Place;
  readonly bAt: (k: Local) => Affine;
}

/** One register tile: `rows` × `vectors` accumulators over the depth, from `start` on or from zero. */
function tile(
  ctx: GroupContext,
  rows: number,
  vectors: number,
  depth: Expr | number | readonly [Expr, Expr],
  { a, aAt, b, bAt, bStep = 1 }: TileOperands,
  use: (acc: Expr, row: number, vector: number) => void,
  start?: (row: number, vector: number) => Expr,
): void {
  const { k, target } = ctx;
  const { e } = k;
  const ty = target.lanes > 1 ? "f32x4" : "f32";
  const accumulators = (name: string, from = (_r: number, _v: number): Expr => ({ k: "const", ty, value: 0 })) =>
    Array.from({ length: rows }, (_, r) => Array.from({ length: vectors }, (_, v) => k.variable(from(r, v), name)));
  const products = (sums: Local[][], from: Expr | number, to: Expr | number) =>
    k.for("k", from, to, 1, (kk) => {
      const right = Array.from({ length: vectors }, (_, v) =>
        k.let(
          { k: "load", ty, buffer: b.buffer, at: addAffine(bAt(kk), affine(v * target.lanes * bStep)), stride: bStep },
          "b",
        ),
      );
      for (let r = 0; r < rows; r++) {
        const left = k.let({ k: "load", ty, buffer: a.buffer, at: aAt(kk, r), stride: 0 }, "a");
        for (let v = 0; v < vectors; v++) k.set(sums[r][v], e.add(e.local(sums[r][v]), e.mul(left, right[v])));
      }
    });
  const acc = accumulators("acc", start);
  if (Array.isArray(depth)) products(acc, depth[0], depth[1]);
  else if (typeof depth !== "number" || depth <= DEPTH_BLOCK) products(acc, 0, depth as Expr | number);
  else {
    k.for("block", 0, depth, DEPTH_BLOCK, (block) => {
      const part = accumulators("part");
      const to = e.binary("min", e.add(e.local(block), e.const(DEPTH_BLOCK, "i32")), e.const(depth, "i32"));
      products(part, e.local(block), k.let(to, "to"));
      part.forEach((sums, r) => sums.forEach((sum, v) => k.set(acc[r][v], e.add(e.local(acc[r][v]), e.local(sum)))));
    });
  }
  acc.forEach((sums, r) => sums.forEach((sum, v) => use(e.local(sum), r, v)));
}

interface Matrix {
  readonly place: Place;
  at(index: Affine[]): Affine;
  /** Where row `k` of the panel starts whose first column is `column`. */
  panel(outer: readonly Affine[], column: Local, k: Affine): Affine;
}

/** A stored matrix, or one read transposed from where it is stored. */
function viewed(ctx: GroupContext, value: Value): Matrix {
  if (ctx.memory.source(value) === null && value.op === "transpose") {
    const inner = viewed(ctx, value.inputs[0]);
    const at = (index: Affine[]) => {
      const from: Affine[] = [];
      (value.attrs.perm as number[]).forEach((axis, i) => {
        from[axis] = index[i];
      });
      return inner.at(from);
    };
    return { place: inner.place, at, panel: (outer, column, k) => at([...outer, k, affine(0, [column, 1])]) };
  }
  const place = operand(ctx, value);
  const at = (index: Affine[]) => addressOf(place.layout, index);
  if (place.layout.panel === 0)
    return { place, at, panel: (outer, column, k) => at([...outer, k, affine(0, [column, 1])]) };
  const dims = place.layout.dims;
  const [block, row] = dims.slice(-3, -1);
  const panel = (outer: readonly Affine[], column: Local, k: Affine) =>
    outer.reduce(
      (sum, a, i) => addAffine(sum, a, dims[i].stride),
      addAffine(affine(0, [column, block.stride / block.step]), k, row.stride),
    );
  return { place, at, panel };
}
