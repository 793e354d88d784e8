/** y[.., i, j] = Σ over rows of a[.., row, i] · b[.., row, j] in register tiles: weight gradients of Winograd's convolutions. */
import { type Dim, sizeOf } from "../../ir/graph.ts";
import { stridesOf } from "../../ir/layout.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import { count, type GroupContext, operand, zeroAll } from "../group-context.ts";
import { affine, type KernelBuilder } from "../kernel-builder.ts";
import { addressOf, type Place } from "../scope.ts";
import { contiguousRows, merged, over, ROWS, type TileOperands, tile } from "./register-tile.ts";

/** Rows that are added up before the next tile's turn, so that they stay in the cache. */
const ROW_BLOCK = 256;

/** A few rows are added to the sums so far; of more, each block is summed up on its own. */
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
    const once = short && areOne(a, b, rows);
    eachBlock(ctx, a, b, rows, (rowIndex, from, to) => {
      const strip = (i: Local, high: number) => {
        const block = (j: Local, wide: number) => {
          const vectors = Math.ceil(wide / target.lanes);
          const at = (r: number, v: number) =>
            addressOf(out.layout, [...outer, affine(r, [i, 1]), affine(v * target.lanes, [j, 1])]);
          const operands: TileOperands = {
            a,
            aAt: (row, r) => addressOf(a.layout, [...outer, ...rowIndex, row, affine(r, [i, 1])]),
            b,
            bStep: stridesOf(b.layout, right.type.shape.length).at(-1),
            bAt: (row) => addressOf(b.layout, [...outer, ...rowIndex, row, affine(0, [j, 1])]),
          };
          const old = (r: number, v: number): Expr => ({ k: "load", ty, buffer: out.buffer, at: at(r, v), stride: 1 });
          const store = (value: Expr, r: number, v: number) => {
            const partial = Math.min(target.lanes, wide - v * target.lanes);
            k.add({ k: "store", buffer: out.buffer, at: at(r, v), value, stride: 1, count: partial });
          };
          const start = { at: old, ...(once && ctx.addsUp && { exists: k.holdsSums(false) }) };
          if (short) tile(ctx, high, vectors, [from, to], operands, store, start);
          else tile(ctx, high, vectors, [from, to], operands, (sum, r, v) => store(k.e.add(old(r, v), sum), r, v));
        };
        split(k, width, panel, block, level === 2);
      };
      split(k, height, ROWS, strip, level === 1);
    });
  };
  over(ctx, batches, product, level === 0);
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

/** Whether one loop can run over all axes of rows. */
const areOne = (a: Place, b: Place, rows: readonly Dim[]): boolean =>
  rows.length === 1 || (contiguousRows(a, rows) && contiguousRows(b, rows));

/** Blocks of rows in order: [from, to) of the last axis of rows. */
function eachBlock(
  ctx: GroupContext,
  a: Place,
  b: Place,
  rows: readonly Dim[],
  body: (outer: Affine[], from: Local, to: Expr) => void,
): void {
  const { k } = ctx;
  const { e } = k;
  if (!areOne(a, b, rows)) {
    return over(ctx, rows.slice(0, -1), (outer) =>
      eachBlock(ctx, a, b, rows.slice(-1), (_, from, to) => body(outer, from, to)),
    );
  }
  const { index, extent } = merged(rows);
  const end = count(k, extent);
  const total = typeof end === "number" ? e.const(end, "i32") : k.let(end, "rows");
  k.for("block", 0, total, ROW_BLOCK, (block) => {
    const to = k.let(e.binary("min", e.add(e.local(block), e.const(ROW_BLOCK, "i32")), total), "to");
    body(index, block, to);
  });
}
