/**
 * Matrix product C[.., m, n] = Σ_k A[.., m, k] · B[.., k, n] in register tiles of 4 rows by 2 vectors: 8 accumulators, and
 * for each k 4 broadcast loads of A, 2 vector loads of B, 8 multiplications and 8 additions.
 */
import type { Value } from "../../ir/graph.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { finish, type GroupContext, operand, zeroPadding } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import { addressOf, type Place } from "../scope.ts";

const ROWS = 4;

export function matmul(ctx: GroupContext): void {
  const { k, target, batch } = ctx;
  const anchor = ctx.group.anchor!;
  const [left, right] = anchor.inputs;
  const rank = left.type.shape.length;
  const [m, depth] = left.type.shape.slice(-2);
  const last = right.type.shape[rank - 1];
  const columns = last === "n" ? batch : last;
  const a = viewed(ctx, left);
  const b = viewed(ctx, right);
  const width = 2 * target.lanes;
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);

  const outer = (axis: number, index: Affine[]): void => {
    if (axis < rank - 2) {
      k.for("i", 0, k.dim(left.type.shape[axis]), 1, (v) => outer(axis + 1, [...index, affine(0, [v, 1])]));
      return;
    }
    const panels = (from: number, to: number, columnsHere: number) => {
      if (from === to) return;
      k.for("column", from, to, width, (column) =>
        rows(ctx, m, (row, count) => {
          const bAt = (kk: Local): Affine => b.panel(index, column, affine(0, [kk, 1]));
          const aAt = (kk: Local, r: number): Affine => a.at([...index, affine(r, [row, 1]), affine(0, [kk, 1])]);
          tile(
            ctx,
            count,
            Math.ceil(columnsHere / target.lanes),
            k.dim(depth),
            aAt,
            a.place,
            bAt,
            b.place,
            (acc, r, v) => {
              const at = [...index, affine(r, [row, 1]), affine(v * target.lanes, [column, 1])];
              const partial = Math.min(target.lanes, columnsHere - v * target.lanes);
              finish(ctx, at, target.lanes > 1 ? column : null, new Map([[anchor, acc]]), partial);
            },
          );
        }),
      );
    };
    const whole = columns - (columns % width);
    panels(0, whole, width);
    if (columns > whole) panels(whole, columns, columns - whole);
  };
  outer(0, []);
}

/** Tiles of 4 rows, then what is left. */
function rows(ctx: GroupContext, m: number | "n", body: (row: Local, count: number) => void): void {
  const { k } = ctx;
  if (m === "n") {
    const whole = k.e.binary("and", k.e.local(k.n), k.e.const(-ROWS, "i32"));
    k.for("row", 0, whole, ROWS, (row) => body(row, ROWS));
    k.for("row", whole, k.e.local(k.n), 1, (row) => body(row, 1));
    return;
  }
  const whole = m - (m % ROWS);
  if (whole > 0) k.for("row", 0, whole, ROWS, (row) => body(row, ROWS));
  if (m > whole) k.for("row", whole, m, m - whole, (row) => body(row, m - whole));
}

/** One register tile: `rows` × `vectors` accumulators over the depth. */
function tile(
  ctx: GroupContext,
  rows: number,
  vectors: number,
  depth: Expr | number,
  aAt: (k: Local, row: number) => Affine,
  a: Place,
  bAt: (k: Local) => Affine,
  b: Place,
  use: (acc: Expr, row: number, vector: number) => void,
): void {
  const { k, target } = ctx;
  const ty = target.lanes > 1 ? "f32x4" : "f32";
  const acc = Array.from({ length: rows }, () =>
    Array.from({ length: vectors }, () => k.variable({ k: "const", ty, value: 0 }, "acc")),
  );
  k.for("k", 0, depth, 1, (kk) => {
    const right = Array.from({ length: vectors }, (_, v) =>
      k.let({ k: "load", ty, buffer: b.buffer, at: addAffine(bAt(kk), affine(v * target.lanes)), stride: 1 }, "b"),
    );
    for (let r = 0; r < rows; r++) {
      const left = k.let({ k: "load", ty, buffer: a.buffer, at: aAt(kk, r), stride: 0 }, "a");
      for (let v = 0; v < vectors; v++) k.set(acc[r][v], k.e.add(k.e.local(acc[r][v]), k.e.mul(left, right[v])));
    }
  });
  for (let r = 0; r < rows; r++) for (let v = 0; v < vectors; v++) use(k.e.local(acc[r][v]), r, v);
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
