/** Pooling windows within the patches of Winograd's transforms: 3-passes/pooling.ts says where. */
import type { Value } from "../../ir/graph.ts";
import type { Affine, Expr } from "../../ir/loops.ts";
import { finish, type GroupContext } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import type { Index } from "../scope.ts";
import { takeLarger } from "./pool.ts";
import type { At } from "./tiles.ts";

/** Calls use(row of the patch, its pixels) for a gradient that an unpooling spreads out: each window is read once. */
export function eachSpreadRow(
  ctx: GroupContext,
  unpool: Value,
  at: At,
  patch: number,
  use: (row: Affine, pixels: Expr[]) => void,
): void {
  const { k, target } = ctx;
  const { e } = k;
  const [dy, index] = unpool.inputs;
  const [high, wide] = unpool.attrs.kernel as number[];
  const lane = target.lanes > 1 ? at.c : null;
  k.for("window", 0, patch / high, 1, (w) => {
    const scope = ctx.scope(lane);
    const windows = Array.from({ length: patch / wide }, (_, v) => {
      const place = windowIndex(at, affine(0, [at.ty, patch / high], [w, 1]), affine(v, [at.tx, patch / wide]));
      return { gradient: scope.at(dy, place), where: scope.at(index, place) };
    });
    for (let r = 0; r < high; r++) {
      const pixels = Array.from({ length: patch }, (_, v) => {
        const { gradient, where } = windows[Math.floor(v / wide)];
        const number = e.const(r * wide + (v % wide), "i32");
        return k.let(e.select(e.compare("eq", where, number), gradient, e.const(0)));
      });
      use(affine(r, [w, high]), pixels);
    }
  });
}

/** Finishes the windows of a patch whose rows `line` gives: the largest element of each and its index, as in `maxPool`. */
export function poolRows(
  ctx: GroupContext,
  pool: Value,
  at: At,
  patch: number,
  line: (row: Affine) => readonly Expr[],
): void {
  const { k, target, group } = ctx;
  const { e } = k;
  const [high, wide] = pool.attrs.kernel as number[];
  const lane = target.lanes > 1 ? at.c : null;
  const splat = (expr: Expr) => (lane ? e.splat(expr) : expr);
  const indices = group.outputs.filter((v) => v.op === "max_pool2d_index");
  const [x] = pool.inputs;
  k.for("window", 0, patch / high, 1, (w) => {
    const best = Array.from({ length: patch / wide }, () =>
      k.variable(splat(e.const(Number.NEGATIVE_INFINITY)), "best"),
    );
    const where = best.map(() => (indices.length > 0 ? k.variable(splat(e.const(0, "i32")), "where") : null));
    for (let r = 0; r < high; r++) {
      line(affine(r, [w, high])).forEach((result, v) => {
        const row = affine(r, [at.ty, patch], [w, high]);
        const pixel = windowIndex(at, row, affine(v, [at.tx, patch]));
        const value = ctx.scope(lane, new Map([[group.anchor!, result]])).at(x, pixel);
        const [largest, number] = [best[Math.floor(v / wide)], where[Math.floor(v / wide)]];
        // The first of a window is the largest yet, whatever it is.
        if (r === 0 && v % wide === 0) return k.set(largest, value);
        takeLarger(ctx, { best: largest, where: number }, value, splat(e.const(r * wide + (v % wide), "i32")));
      });
    }
    best.forEach((largest, v) => {
      const registers = new Map<Value, Expr>(indices.map((index) => [index, e.local(where[v]!)]));
      registers.set(pool, e.local(largest));
      const place = windowIndex(
        at,
        affine(0, [at.ty, patch / high], [w, 1]),
        addAffine(affine(v), affine(0, [at.tx, patch / wide])),
      );
      finish(ctx, place, lane, registers, at.count);
    });
  });
}

const windowIndex = (at: At, row: Affine, column: Affine): Index => [
  affine(0, [at.n, 1]),
  affine(0, [at.c, 1]),
  row,
  column,
];
