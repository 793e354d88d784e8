/** Blocks at places that the data decide: dynamic_slice and dynamic_pad. */
import type { Affine, Local } from "../../ir/loops.ts";
import { extentOf, finish, type GroupContext, nest, zeroAll, zeroPadding } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";

export function dynamicSlice(ctx: GroupContext): void {
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  const { type, inputs } = ctx.group.anchor!;
  blocks(ctx, type.shape as number[], inputs[0].type.shape as number[], (index, placed) => [placed, index]);
}

export function dynamicPad(ctx: GroupContext): void {
  zeroAll(ctx, ctx.group.outputs[0]);
  const { type, inputs } = ctx.group.anchor!;
  blocks(ctx, inputs[0].type.shape as number[], type.shape as number[], (index, placed) => [index, placed]);
}

/**
 * Goes through the elements of each sample's block. `ends` says where an element is read and where it is written: at its index
 * in the block, or in the whole that the block is `placed` in.
 */
function blocks(
  ctx: GroupContext,
  block: readonly number[],
  whole: readonly number[],
  ends: (
    index: readonly Affine[],
    placed: readonly Affine[],
  ) => readonly [from: readonly Affine[], to: readonly Affine[]],
): void {
  const { k } = ctx;
  const anchor = ctx.group.anchor!;
  const [x, starts] = anchor.inputs;
  const axes = ctx
    .place(ctx.group.outputs[0])
    .layout.dims.map((dim) => dim.axis)
    .filter((axis) => axis > 0);
  const first = block.length - (starts.type.shape[1] as number);
  const sample = (n: Local) => {
    const begins = block.map((size, axis) => (axis < first ? null : start(ctx, n, axis - first, whole[axis] - size)));
    const element = (counters: Local[], lane: Local | null) => {
      const index: Affine[] = [affine(0, [n, 1])];
      axes.forEach((axis, i) => {
        index[axis] = affine(0, [counters[i], 1]);
      });
      const placed = index.map((a, axis) => (begins[axis] ? addAffine(a, affine(0, [begins[axis], 1])) : a));
      const [from, to] = ends(index, placed);
      const value = ctx.scope(lane).at(x, from);
      finish(ctx, to, lane, new Map([[anchor, value]]));
    };
    nest(
      ctx,
      axes.map((axis) => extentOf(block[axis])),
      element,
    );
  };
  k.for("n", 0, k.dim(anchor.type.shape[0]), 1, sample, "first");
}

/** Where the sample's block begins along one axis, moved inside. */
function start(ctx: GroupContext, n: Local, axis: number, most: number): Local {
  const { k } = ctx;
  const { e } = k;
  const given = ctx.scope(null).at(ctx.group.anchor!.inputs[1], [affine(0, [n, 1]), affine(axis)]);
  return k.variable(e.binary("min", e.binary("max", given, e.const(0, "i32")), e.const(most, "i32")), "start");
}
