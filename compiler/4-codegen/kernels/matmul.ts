/** Matrix product C[.., m, n] = Σ_k A[.., m, k] · B[.., k, n] in register tiles. */
import { type Dim, sizeOf, type Value } from "../../ir/graph.ts";
import type { Affine, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import { count, finish, type GroupContext, operand, vectorPart, zeroPadding } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import { addressOf, type Place } from "../scope.ts";
import { contiguousRows, merged, over, ROWS, type TileOperands, tile } from "./register-tile.ts";

/** Sums of so few terms that a panel of them stays in registers, with room for those of a row. */
const THIN = 4;

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
    eachRows(ctx, a, rows, row, level === 2, 1);
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
            aAt: (kk, r) => a.at([...index(r), kk]),
            b: b.place,
            bAt: (kk) => b.panel(outer, column, kk),
          };
          tile(ctx, count, vectors, k.dim(depth), operands, (acc, r, v) => {
            const at = [...index(r), affine(v * target.lanes, [column, 1])];
            const partial = Math.min(target.lanes, columnsHere - v * target.lanes);
            finish(ctx, at, target.lanes > 1 ? column : null, new Map([[anchor, acc]]), partial);
          });
        };
        eachRows(ctx, a, rows, block, level === 2);
      };
      k.for("column", from, to, width, panel, level === 1 && (from === 0 ? "first" : "last"));
    };
    const whole = columns - (columns % width);
    panels(0, whole, width);
    if (columns > whole) panels(whole, columns, columns - whole);
  };
  over(ctx, batches, product, level === 0);
}

/** Tiles of `height` rows, then what is left, over every axis of rows. */
function eachRows(
  ctx: GroupContext,
  a: Matrix,
  rows: readonly Dim[],
  body: (outer: Affine[], row: Local, count: number) => void,
  parallel = false,
  height = ROWS,
): void {
  const { k, group } = ctx;
  const plain = group.inside.size === 0 && contiguousRows(ctx.place(group.outputs[0]), rows);
  if (rows.length === 1 || (plain && a.inOrder && contiguousRows(a.place, rows))) {
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

interface Matrix {
  readonly place: Place;
  /** Whether its axes are those of what is stored there. */
  readonly inOrder: boolean;
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
    return {
      place: inner.place,
      inOrder: false,
      at,
      panel: (outer, column, k) => at([...outer, k, affine(0, [column, 1])]),
    };
  }
  const place = operand(ctx, value);
  const at = (index: Affine[]) => addressOf(place.layout, index);
  if (place.layout.panel === 0)
    return { place, inOrder: true, at, panel: (outer, column, k) => at([...outer, k, affine(0, [column, 1])]) };
  const dims = place.layout.dims;
  const [block, row] = dims.slice(-3, -1);
  const panel = (outer: readonly Affine[], column: Local, k: Affine) =>
    outer.reduce(
      (sum, a, i) => addAffine(sum, a, dims[i].stride),
      addAffine(affine(0, [column, block.stride / block.step]), k, row.stride),
    );
  return { place, inOrder: true, at, panel };
}
