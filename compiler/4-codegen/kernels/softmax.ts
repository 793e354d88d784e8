/**
 * softmax(x) = exp(x − max x) / Σ exp(x − max x) and log_softmax(x) = x − max x − log Σ exp(x − max x), along one axis. The
 * largest element is taken off first, so that nothing overflows. One kernel can find both.
 */
import { sizeOf, type Value } from "../../ir/graph.ts";
import { stridesOf } from "../../ir/layout.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import { extentOf, finish, type GroupContext, nest, operand, zeroPadding } from "../group-context.ts";
import { affine } from "../kernel-builder.ts";

export function softmax(ctx: GroupContext): void {
  const { k, target } = ctx;
  const { e } = k;
  const anchor = ctx.group.anchor!;
  const [x] = anchor.inputs;
  const axis = anchor.attrs.axis as number;
  const size = x.type.shape[axis];
  const strides = stridesOf(operand(ctx, x).layout, x.type.shape.length);
  const scalar = size === "n" || strides[axis] !== 1 || size < target.lanes;
  const inner = scalar ? { ...ctx, target: { ...target, lanes: 1 as const } } : ctx;
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);

  const anchors = ctx.group.also ? [anchor, ctx.group.also] : [anchor];
  const [soft, log] = ["softmax", "log_softmax"].map((op) => anchors.find((value) => value.op === op));
  // The exponentials of a row, which are needed for their sum and for the result.
  const kept = soft ? ctx.scratch(sizeOf([size], ctx.batch)) : null;
  const along = (index: Affine[], body: (x: Expr, here: Affine[], lane: Local | null) => void) =>
    nest(inner, [extentOf(size)], ([v], lane) => {
      const here = [...index];
      here[axis] = affine(0, [v, 1]);
      body(ctx.scope(lane).at(x, here), here, lane);
    });
  const row = (index: Affine[]) => {
    const largest = fold(inner, "pmax", Number.NEGATIVE_INFINITY, (add) =>
      along(index, (value, _, lane) => add(value, lane)),
    );
    const sum = fold(inner, "add", 0, (add) =>
      along(index, (value, here, lane) => {
        const exp = k.let(e.unary("exp", e.sub(value, largest)));
        if (kept) k.add({ k: "store", buffer: kept, at: here[axis], value: exp, stride: lane ? 1 : 0 });
        add(exp, lane);
      }),
    );
    const logarithm = log ? k.let(e.unary("log", sum)) : null;
    along(index, (value, here, lane) => {
      const registers = new Map<Value, Expr>();
      if (log) registers.set(log, k.let(e.sub(e.sub(value, largest), logarithm!)));
      if (soft) {
        const exp: Expr = {
          k: "load",
          ty: lane ? "f32x4" : "f32",
          buffer: kept!,
          at: here[axis],
          stride: lane ? 1 : 0,
        };
        registers.set(soft, k.let(e.div(exp, sum)));
      }
      finish(ctx, here, lane, registers);
    });
  };

  const outer = [...x.type.shape.keys()].filter((a) => a !== axis);
  const shared = bestBalanced(outer.map((a) => sizeOf([x.type.shape[a]], ctx.batch)));
  const loops = (depth: number, index: Affine[]): void => {
    if (depth === outer.length) return row(index);
    const next = (v: Local) => {
      const here = [...index];
      here[outer[depth]] = affine(0, [v, 1]);
      loops(depth + 1, here);
    };
    k.for("i", 0, k.dim(x.type.shape[outer[depth]]), 1, next, depth === shared && "first");
  };
  loops(0, []);
}

/** Folds what `visit` adds: vectors into lanes, folded at the end, together with the scalars of the row's rest. */
function fold(
  ctx: GroupContext,
  op: "add" | "pmax",
  start: number,
  visit: (add: (value: Expr, lane: Local | null) => void) => void,
): Expr {
  const { k } = ctx;
  const { e } = k;
  const rest = k.variable(e.const(start), "rest");
  const lanes = ctx.target.lanes > 1 ? k.variable(e.splat(e.const(start)), "lanes") : null;
  visit((value, lane) => {
    const into = lane ? lanes! : rest;
    k.set(into, e.binary(op, e.local(into), value));
  });
  if (!lanes) return e.local(rest);
  return k.let(e.binary(op, { k: "fold", ty: "f32", op, a: e.local(lanes) }, e.local(rest)));
}
