/**
 * The linear transforms of Winograd's convolutions, patch by patch, lanes along the channels: L X Lᵀ as two passes of the same
 * one-dimensional transform, over the rows of the patch into a scratch block, then over its columns.
 */

import { stridesOf } from "../../ir/layout.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { tilingOf } from "../../ops/tiles.ts";
import { finish, type GroupContext, zeroAll, zeroPadding } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import { applyLinear } from "../linear.ts";
import { addressOf } from "../scope.ts";
import { eachSpreadRow, poolRows } from "./tiles-pooled.ts";

/** Where the loops stand: a sample, a patch, and channels from `c` on. */
export interface At {
  readonly n: Local;
  readonly ty: Local;
  readonly tx: Local;
  readonly c: Local;
  /** Channels in the vector that exist. */
  readonly count: number;
}

export function tile(ctx: GroupContext): void {
  const { k, target } = ctx;
  const anchor = ctx.group.anchor!;
  const { matrix, stride, padding, tiles } = tilingOf(anchor.attrs);
  const [size, patch] = [matrix.length, matrix[0].length];
  const [x] = anchor.inputs;
  const out = ctx.place(anchor);
  const wholeRows = stridesOf(out.layout, anchor.type.shape.length)[2] % target.lanes === 0;
  const scratch = ctx.scratch(patch * size * target.lanes);
  const putRow = (u: Affine, values: readonly Expr[]) =>
    values.forEach((value, j) => {
      const to = addAffine(affine(j * target.lanes), u, size * target.lanes);
      k.add({ k: "store", buffer: scratch, at: to, value, stride: 1 });
    });

  eachPatch(ctx, x.type.shape, tiles, (at) => {
    const spread = x.op === "max_unpool2d" && !ctx.memory.source(x);
    if (spread) eachSpreadRow(ctx, x, at, stride, (u, pixels) => putRow(u, applyLinear(k, matrix, pixels)));
    else
      k.for("u", 0, patch, 1, (u) => {
        const row = affine(-padding[0], [at.ty, stride], [u, 1]);
        const put = (values: readonly Expr[]) => putRow(affine(0, [u, 1]), values);
        const inside = () => {
          const scope = ctx.scope(target.lanes > 1 ? at.c : null);
          const pixels = Array.from({ length: patch }, (_, v) => {
            const index = [affine(0, [at.n, 1]), affine(0, [at.c, 1]), row, affine(v - padding[1], [at.tx, stride])];
            return scope.at(x, index);
          });
          put(applyLinear(k, matrix, pixels));
        };
        const beyond = padding[0] > 0 || (tiles[0] - 1) * stride + patch - padding[0] > (x.type.shape[2] as number);
        if (!beyond) return inside();
        const zero: Expr = { k: "const", ty: target.lanes > 1 ? "f32x4" : "f32", value: 0 };
        k.if(isInside(ctx, row, x.type.shape[2] as number), inside, () => put(matrix.map(() => zero)));
      });
    k.for("j", 0, size, 1, (j) => {
      const column = Array.from({ length: patch }, (_, u) =>
        k.let(vector(ctx, { buffer: scratch, at: affine(u * size * target.lanes, [j, target.lanes]) }, 1), "s"),
      );
      applyLinear(k, matrix, column).forEach((value, i) => {
        const to = addressOf(out.layout, [affine(i * size, [j, 1]), ...pointIndex(at, tiles)]);
        k.add({ k: "store", buffer: out.buffer, at: to, value, stride: 1, count: wholeRows ? target.lanes : at.count });
      });
    });
  });
}

export function untile(ctx: GroupContext): void {
  const { k, target } = ctx;
  const anchor = ctx.group.anchor!;
  const { matrix, stride, padding, tiles } = tilingOf(anchor.attrs);
  const [patch, size] = [matrix.length, matrix[0].length];
  const [y] = anchor.inputs;
  const shape = anchor.type.shape;
  const scratch = ctx.scratch(size * patch * target.lanes);
  const overlap = patch > stride;
  if (ctx.group.pool) for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  if (overlap) zeroAll(ctx, ctx.group.outputs[0]);

  eachPatch(ctx, shape, tiles, (at) => {
    const lane = target.lanes > 1 ? at.c : null;
    k.for("j", 0, size, 1, (j) => {
      const column = Array.from({ length: size }, (_, i) =>
        ctx.scope(lane).at(y, [affine(i * size, [j, 1]), ...pointIndex(at, tiles)]),
      );
      applyLinear(k, matrix, column).forEach((value, u) => {
        const to = affine(u * size * target.lanes, [j, target.lanes]);
        k.add({ k: "store", buffer: scratch, at: to, value, stride: 1 });
      });
    });
    const line = (u: Affine) => {
      const points = Array.from({ length: size }, (_, j) => {
        const from = addAffine(affine(j * target.lanes), u, size * target.lanes);
        return k.let(vector(ctx, { buffer: scratch, at: from }, 1), "s");
      });
      return applyLinear(k, matrix, points);
    };
    if (ctx.group.pool) return poolRows(ctx, ctx.group.pool, at, stride, line);
    k.for("u", 0, patch, 1, (u) => {
      const row = affine(-padding[0], [at.ty, stride], [u, 1]);
      const write = () => {
        line(affine(0, [u, 1])).forEach((value, v) => {
          const column = affine(v - padding[1], [at.tx, stride]);
          const index = [affine(0, [at.n, 1]), affine(0, [at.c, 1]), row, column];
          if (overlap) return accumulate(ctx, index, value, at.count);
          const store = () => finish(ctx, index, lane, new Map([[anchor, value]]), at.count);
          if (tiles[1] * stride > (shape[3] as number)) k.if(isInside(ctx, column, shape[3] as number), store);
          else store();
        });
      };
      const beyond = padding[0] > 0 || (tiles[0] - 1) * stride + patch - padding[0] > (shape[2] as number);
      if (beyond) k.if(isInside(ctx, row, shape[2] as number), write);
      else write();
    });
  });
  if (ctx.group.pool) return;
  // Sums of overlapping patches ran over into the columns beside the image; they are to be zero.
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
}

/** Adds to the image, in rows with room for what lies beside it. */
function accumulate(ctx: GroupContext, index: readonly Affine[], value: Expr, count: number): void {
  const { k } = ctx;
  const { buffer, layout } = ctx.place(ctx.group.outputs[0]);
  const at = addressOf(layout, index);
  const old = vector(ctx, { buffer, at }, 1);
  k.add({ k: "store", buffer, at, value: k.e.add(old, value), stride: 1, count });
}

const pointIndex = (at: At, tiles: readonly number[]): Affine[] => [
  affine(0, [at.n, 1]),
  affine(0, [at.ty, tiles[1]], [at.tx, 1]),
  affine(0, [at.c, 1]),
];

function vector(ctx: GroupContext, from: Pick<Expr & { k: "load" }, "buffer" | "at">, stride: number): Expr {
  return { k: "load", ty: ctx.target.lanes > 1 ? "f32x4" : "f32", ...from, stride };
}

function isInside(ctx: GroupContext, index: Affine, size: number): Expr {
  const { k } = ctx;
  const i = k.let(k.index(addAffine(index, affine())), "i");
  return k.e.binary("and", k.e.compare("ge", i, k.e.const(0, "i32")), k.e.compare("lt", i, k.e.const(size, "i32")));
}

function eachPatch(
  ctx: GroupContext,
  shape: readonly (number | "n")[],
  tiles: readonly number[],
  body: (at: At) => void,
): void {
  const { k, target } = ctx;
  const channels = shape[1] as number;
  const whole = channels - (channels % target.lanes);
  const patches = (n: Local) =>
    k.for("ty", 0, tiles[0], 1, (ty) =>
      k.for("tx", 0, tiles[1], 1, (tx) => {
        if (whole > 0) k.for("c", 0, whole, target.lanes, (c) => body({ n, ty, tx, c, count: target.lanes }));
        if (channels > whole)
          k.for("c", whole, channels, target.lanes, (c) => body({ n, ty, tx, c, count: channels - whole }));
      }),
    );
  k.for("n", 0, k.dim(shape[0]), 1, patches, "first");
}
