/** Reductions: sum, mean, max, min, argmax over axes. */
import type { Builder } from "../../ir/builder.ts";
import type { Dim, Shape, Value } from "../../ir/graph.ts";
import { type CValue, isList, type Tensor, tensor } from "../values.ts";
import { type Builtin, type BuiltinEnv, params } from "./builtin.ts";

/** Sum over the axes (null: all); with `keep` they stay, of size 1. */
export function sum(b: Builder, x: Value, axes: readonly number[] | null, keep: boolean): Value {
  const over = axes ?? allAxes(x);
  return kept(b, x, b.sum(b.cast(x, "f32"), over), over, keep);
}

/** Sum / number of elements folded; the number of samples counts at run time. */
export function mean(b: Builder, x: Value, axes: readonly number[] | null, keep: boolean): Value {
  const over = axes ?? allAxes(x);
  const count = countOf(
    b,
    over.map((axis) => x.type.shape[axis]),
  );
  const total = sum(b, x, over, keep);
  return count === 1 ? total : b.div(total, count);
}

function max(b: Builder, x: Value, axes: readonly number[] | null, keep: boolean): Value {
  const over = axes ?? allAxes(x);
  const folded = over.length === 0 ? x : b.op("max", [b.cast(x, "f32")], { axes: over });
  return kept(b, x, folded, over, keep);
}

function countOf(b: Builder, shape: Shape): Value | number {
  const fixed = shape.reduce<number>((size, d) => (d === "n" ? size : size * d), 1);
  if (!shape.includes("n")) return fixed;
  return fixed === 1 ? b.host("n") : b.mul(b.host("n"), fixed);
}

const allAxes = (x: Value): number[] => x.type.shape.map((_, axis) => axis);

function kept(b: Builder, x: Value, folded: Value, axes: readonly number[], keep: boolean): Value {
  if (!keep) return folded;
  const shape = x.type.shape.map((d, axis): Dim => (axes.includes(axis) ? 1 : d));
  return b.broadcast(
    folded,
    shape,
    allAxes(x).filter((axis) => !axes.includes(axis)),
  );
}

/** An axis or a list of axes, each from 0 or, negative, from the end; sorted. */
export function axesOf(env: BuiltinEnv, value: CValue, rank: number, name = "axis"): number[] {
  const axes = (isList(value) ? value : [value]).map((axis) => {
    const at = typeof axis === "number" && axis < 0 ? axis + rank : axis;
    if (typeof at !== "number" || !Number.isInteger(at) || at < 0 || at >= rank) {
      return env.wrong(name, `an axis of the tensor (0 … ${rank - 1}, or negative from the end), or a list of such`);
    }
    return at;
  });
  if (new Set(axes).size < axes.length) env.wrong(name, "a list of different axes");
  return axes.sort((a, b) => a - b);
}

const min: typeof max = (b, x, axes, keep) => b.neg(max(b, b.neg(b.cast(x, "f32")), axes, keep));

function reduction(name: string, doc: string, run: typeof sum): Builtin {
  return {
    name,
    params: params("x: tensor, axis: int | list | all, keepdim: bool", { axis: "all", keepdim: false }),
    doc,
    run(env, { x, axis, keepdim }) {
      const { value } = x as Tensor;
      const axes = axis === "all" ? null : axesOf(env, axis, value.type.shape.length);
      return tensor(run(env.b, value, axes, keepdim as boolean));
    },
  };
}

export const REDUCTIONS: readonly Builtin[] = [
  reduction(
    "sum",
    "The sum over `axis` (an axis, a list of axes; all by default). `keepdim` leaves the axis, of size 1.",
    sum,
  ),
  reduction("mean", "The sum over `axis` divided by the number of elements folded; true/false count as 1/0.", mean),
  reduction("max", "The largest element over `axis`. The gradient is shared evenly among equal largest ones.", max),
  reduction("min", "The smallest element over `axis`. The gradient is shared evenly among equal smallest ones.", min),
  {
    name: "argmax",
    params: params("x: tensor, axis: int"),
    doc: "The index of the first largest element along `axis`, as integers.",
    run(env, { x, axis }) {
      const { value } = x as Tensor;
      const [at] = axesOf(env, axis, value.type.shape.length);
      return tensor(env.b.op("argmax", [value], { axis: at }));
    },
  },
];
