/** Rows of a table by their numbers: read (an embedding), and added up (its gradient). Lanes along the columns. */
import type { Value } from "../../ir/graph.ts";
import type { Expr, Local } from "../../ir/loops.ts";
import { extentOf, finish, type GroupContext, nest, zeroAll, zeroPadding } from "../group-context.ts";
import { affine } from "../kernel-builder.ts";
import { addressOf, type Index } from "../scope.ts";

export function gatherRows(ctx: GroupContext): void {
  const { k } = ctx;
  const { e } = k;
  const anchor = ctx.group.anchor!;
  const [table, index] = anchor.inputs;
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  const all = [...anchor.type.shape.keys()];
  eachElement(ctx, anchor, all, (at, lane) => {
    const { row, exists } = rowOf(ctx, index, at, table.type.shape[0] as number);
    const safe = k.variable(e.select(exists, row, e.const(0, "i32")), "row");
    const value = ctx.scope(lane).at(table, [affine(0, [safe, 1]), at[at.length - 1]]);
    finish(ctx, at, lane, new Map([[anchor, k.let(e.select(exists, value, e.const(0)))]]));
  });
}

/** Every thread goes through all rows, each with columns of its own: the order of a sum is that of the rows. */
export function scatterRows(ctx: GroupContext): void {
  const { k } = ctx;
  const anchor = ctx.group.anchor!;
  const [x, index] = anchor.inputs;
  const output = ctx.group.outputs[0];
  const { buffer, layout } = ctx.place(output);
  zeroAll(ctx, output);
  eachElement(ctx, x, [x.type.shape.length - 1], (at, lane) => {
    const { row, exists } = rowOf(ctx, index, at, anchor.type.shape[0] as number);
    const value = ctx.scope(lane).at(x, at);
    k.if(exists, () => {
      const address = addressOf(layout, [affine(0, [k.variable(row, "row"), 1]), at[at.length - 1]]);
      const stride = lane ? 1 : 0;
      const old: Expr = { k: "load", ty: lane ? "f32x4" : "f32", buffer, at: address, stride };
      k.add({ k: "store", buffer, at: address, value: k.e.add(old, value), stride });
    });
  });
}

/** Loops over a value's elements in the order of its axes; `apart` as for `nest`. */
function eachElement(
  ctx: GroupContext,
  value: Value,
  apart: readonly number[],
  body: (at: Index, lane: Local | null) => void,
): void {
  const each = (counters: Local[], lane: Local | null) =>
    body(
      counters.map((v) => affine(0, [v, 1])),
      lane,
    );
  nest(ctx, value.type.shape.map(extentOf), each, apart);
}

/** The number of the row at this place, and whether the table has it. */
function rowOf(ctx: GroupContext, index: Value, at: Index, rows: number): { row: Expr; exists: Expr } {
  const { e } = ctx.k;
  const row = ctx.scope(null).at(index, at.slice(0, -1));
  const [first, end] = [e.const(0, "i32"), e.const(rows, "i32")];
  const exists = ctx.k.let(e.binary("and", e.compare("ge", row, first), e.compare("lt", row, end)));
  return { row, exists };
}
