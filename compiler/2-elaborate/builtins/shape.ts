/** Tensors from tensors without arithmetic: reshape, concat, slice, …; and lists. */
import { type Dim, type Shape, sizeOf, type Value } from "../../ir/graph.ts";
import { toValue } from "../arithmetic.ts";
import { type CValue, isList, isTensor, showType, type Tensor, tensor } from "../values.ts";
import { type Builtin, type BuiltinEnv, params } from "./builtin.ts";
import { axesOf } from "./reduce.ts";

/** Sizes: whole numbers of at least 1, and `n`, the number of samples. */
function shapeOf(env: BuiltinEnv, value: CValue, name: string): Shape {
  return (value as readonly CValue[]).map((size): Dim => {
    if (isTensor(size) && size.value.op === "host" && size.value.attrs.name === "n") return "n";
    if (typeof size === "number" && Number.isInteger(size) && size >= 1) return size;
    return env.wrong(name, "a list of whole numbers of at least 1, or `n` for the samples");
  });
}

/** A shape of which one size may be -1: what the elements leave. */
function completeShape(env: BuiltinEnv, { value }: Tensor, shape: CValue): Shape {
  const sizes = shape as readonly CValue[];
  const at = sizes.indexOf(-1);
  if (at === -1) return shapeOf(env, shape, "shape");
  const others = shapeOf(env, sizes.with(at, 1), "shape");
  // The samples are on both sides, or are what is left.
  const left = sizeOf(value.type.shape, 1) / sizeOf(others, 1);
  const samples = value.type.shape.includes("n") && !others.includes("n");
  if (samples ? left !== 1 : !Number.isInteger(left)) env.wrong("shape", `sizes that divide ${showType(value.type)}`);
  return others.with(at, samples ? "n" : left);
}

/** Without −low[i] elements before and −high[i] after axis i, where these are negative. */
function cropped(env: BuiltinEnv, { value }: Tensor, low: readonly number[], high: readonly number[]): Value {
  const { shape } = value.type;
  if (![...low, ...high].some((count) => count < 0)) return value;
  const starts = low.map((count) => Math.max(-count, 0));
  const limits = shape.map((size, i): Dim => (size === "n" ? size : size - Math.max(-high[i], 0)));
  if (shape.some((size, i) => size === "n" && high[i] < 0)) env.wrong("high", "0 for the axis of the samples");
  if (limits.some((limit, i) => limit !== "n" && limit <= starts[i]))
    env.wrong("low", "less than the whole of an axis");
  return env.b.op("slice", [value], { starts, limits, strides: shape.map(() => 1) });
}

const single = (env: BuiltinEnv, axis: CValue, x: Tensor): number => axesOf(env, axis, x.value.type.shape.length)[0];

export const SHAPES: readonly Builtin[] = [
  {
    name: "reshape",
    params: params("x: tensor, shape: list"),
    doc: "The same elements in row-major order in another shape: `reshape(x, [n, 64, 16])`. One size may be -1: what the others leave.",
    run: (env, { x, shape }) => tensor(env.b.reshape((x as Tensor).value, completeShape(env, x as Tensor, shape))),
  },
  {
    name: "broadcast",
    params: params("x: number | tensor, shape: list"),
    doc: "x repeated to the shape by NumPy's rule (aligned at the last axis, sizes of 1 stretch).",
    run(env, { x, shape }) {
      const value = toValue(env.b, x as Tensor);
      const to = shapeOf(env, shape, "shape");
      const own = value.type.shape;
      const axes = own.map((_, i) => i + to.length - own.length);
      return tensor(env.b.broadcast(value, to, axes));
    },
  },
  {
    name: "per_channel",
    params: params("x: number | tensor"),
    doc: "A vector [channels] as [channels, 1, 1], so that it meets the channels of [n, channels, height, width]; a number as it is.",
    run({ b }, { x }) {
      if (typeof x === "number") return x;
      const { value } = x as Tensor;
      return tensor(b.broadcast(value, [...value.type.shape, 1, 1], [0]));
    },
  },
  {
    name: "concat",
    params: params("xs: list, axis: int", { axis: 1 }),
    doc: "Tensors one after the other along `axis`.",
    run(env, { xs, axis }) {
      const tensors = xs as readonly CValue[];
      if (tensors.length === 0 || !tensors.every(isTensor)) env.wrong("xs", "a list of tensors");
      const parts = tensors as readonly Tensor[];
      return tensor(
        env.b.op(
          "concat",
          parts.map((p) => p.value),
          { axis: single(env, axis, parts[0]) },
        ),
      );
    },
  },
  {
    name: "stack",
    params: params("xs: list, axis: int", { axis: 1 }),
    doc: "Tensors of one shape side by side along a new axis at `axis`.",
    run(env, { xs, axis }) {
      const tensors = xs as readonly CValue[];
      if (tensors.length === 0 || !tensors.every(isTensor)) env.wrong("xs", "a list of tensors");
      const parts = (tensors as readonly Tensor[]).map((x) => x.value);
      const rank = parts[0].type.shape.length;
      const at = (axis as number) < 0 ? (axis as number) + rank + 1 : (axis as number);
      if (at < 0 || at > rank) env.wrong("axis", `a place among the axes (0 … ${rank}, or negative from the end)`);
      return tensor(
        env.b.op(
          "concat",
          parts.map((x) => env.b.reshape(x, x.type.shape.toSpliced(at, 0, 1))),
          { axis: at },
        ),
      );
    },
  },
  {
    name: "unfold",
    params: params("x: tensor, axis: int, size: size, step: size, dilation: size", { step: 1, dilation: 1 }),
    doc: "The windows of `size` elements along `axis`, `step` apart, whose elements are `dilation` apart: [.., length, ..] to [.., windows, size, ..].",
    run: (env, { x, axis, size, step, dilation }) => {
      const { value } = x as Tensor;
      const at = single(env, axis, x as Tensor);
      const { shape } = value.type;
      const length = shape[at];
      const covered = ((size as number) - 1) * (dilation as number) + 1;
      if (length === "n") env.wrong("axis", "an axis other than that of the samples");
      if (covered > (length as number)) env.wrong("size", `windows within the ${length} elements of the axis`);
      const windows = Math.floor(((length as number) - covered) / (step as number)) + 1;
      const element = (i: number): Value => {
        const first = i * (dilation as number);
        const starts = shape.map((_, k) => (k === at ? first : 0));
        const limits = shape.with(at, first + (windows - 1) * (step as number) + 1);
        const strides = shape.map((_, k) => (k === at ? (step as number) : 1));
        const part = env.b.op("slice", [value], { starts, limits, strides });
        return env.b.reshape(part, part.type.shape.toSpliced(at + 1, 0, 1));
      };
      const elements = Array.from({ length: size as number }, (_, i) => element(i));
      return tensor(env.b.op("concat", elements, { axis: at + 1 }));
    },
  },
  {
    name: "slice",
    params: params("x: tensor, axis: int, start: count, stop: count | end, step: size", { stop: "end", step: 1 }),
    doc: "The elements start, start + step, … before `stop` along `axis`.",
    run(env, { x, axis, start, stop, step }) {
      const { value } = x as Tensor;
      const at = single(env, axis, x as Tensor);
      const { shape } = value.type;
      const size = shape[at];
      if (size === "n") env.wrong("axis", "an axis other than that of the samples");
      const to = stop === "end" ? (size as number) : (stop as number);
      if (to > (size as number) || (start as number) >= to) env.wrong("start", `a range within 0 … ${size}`);
      const starts = shape.map((_, i) => (i === at ? (start as number) : 0));
      const limits = shape.map((d, i) => (i === at ? to : d));
      const strides = shape.map((_, i) => (i === at ? (step as number) : 1));
      return tensor(env.b.op("slice", [value], { starts, limits, strides }));
    },
  },
  {
    name: "pad",
    params: params("x: tensor, low: list, high: list, value: number", { value: 0 }),
    doc: "Adds `low[i]` elements before and `high[i]` after axis i, all of them `value`; negative numbers take elements away.",
    run(env, { x, low, high, value }) {
      const { shape } = (x as Tensor).value.type;
      const counts = (list: CValue, name: string): readonly number[] => {
        const valid = isList(list) && list.length === shape.length && list.every((v) => Number.isInteger(v));
        if (!valid) env.wrong(name, `${shape.length} whole numbers, one for each axis`);
        return list as readonly number[];
      };
      const [before, after] = [counts(low, "low"), counts(high, "high")];
      const added = (list: readonly number[]): readonly number[] => list.map((count) => Math.max(count, 0));
      const attrs = { low: added(before), high: added(after), interior: shape.map(() => 0), value: value as number };
      return tensor(env.b.op("pad", [cropped(env, x as Tensor, before, after)], attrs));
    },
  },
  {
    name: "dynamic_slice",
    params: params("x: tensor, starts: tensor, sizes: list"),
    doc: "From each sample the block of `sizes` over the last axes that begins at its row of `starts`, integers [n, len(sizes)]: y[i, …, a, b] = x[i, …, starts[i, 0] + a, starts[i, 1] + b]. A start is moved so that the block lies inside.",
    run(env, { x, starts, sizes }) {
      const list = sizes as readonly CValue[];
      if (!list.every((size) => Number.isInteger(size))) env.wrong("sizes", "a list of whole numbers");
      const operands = [(x as Tensor).value, (starts as Tensor).value];
      return tensor(env.b.op("dynamic_slice", operands, { sizes: list as readonly number[] }));
    },
  },
  {
    name: "reverse",
    params: params("x: tensor, axis: int | list"),
    doc: "The elements in reverse order along `axis`.",
    run(env, { x, axis }) {
      const { value } = x as Tensor;
      return tensor(env.b.op("reverse", [value], { axes: axesOf(env, axis, value.type.shape.length) }));
    },
  },
  {
    name: "one_hot",
    params: params("x: tensor, classes: size"),
    doc: "[..] of class numbers to [.., classes]: 1 at the class, else 0.",
    run(env, { x, classes }) {
      const { value } = x as Tensor;
      if (value.type.dtype !== "i32") env.wrong("x", "class numbers (a `class[…]` target, or an argmax)");
      return tensor(env.b.op("one_hot", [value], { classes: classes as number }));
    },
  },
  {
    name: "gather_rows",
    params: params("table: tensor, index: tensor"),
    doc: "Rows of a table [rows, columns] by their numbers: [..] of integers to [.., columns]; 0 where there is no such row.",
    run(env, { table, index }) {
      const { value } = index as Tensor;
      if (value.type.dtype !== "i32")
        env.wrong("index", "whole numbers (an `i32` input, a `class[…]` target, or an argmax)");
      return tensor(env.b.op("gather_rows", [(table as Tensor).value, value]));
    },
  },
  {
    name: "scatter_rows",
    params: params("x: tensor, index: tensor, rows: size"),
    doc: "The rows of x [.., columns] added up by their numbers [..], integers, to [rows, columns]; a number that is no row counts nowhere. The gradient of `gather_rows`.",
    run(env, { x, index, rows }) {
      const { value } = index as Tensor;
      if (value.type.dtype !== "i32")
        env.wrong("index", "whole numbers (an `i32` input, a `class[…]` target, or an argmax)");
      return tensor(env.b.op("scatter_rows", [(x as Tensor).value, value], { rows: rows as number }));
    },
  },
  {
    name: "random_uniform",
    params: params("shape: list"),
    doc: "Numbers drawn evenly from [0, 1), anew in each step; a function of the seed, the step and the place in the model.",
    run: (env, { shape }) =>
      tensor(env.b.op("random_uniform", [], { shape: shapeOf(env, shape, "shape"), site: env.nextSite() })),
  },
  {
    name: "random_integers",
    params: params("shape: list, count: size"),
    doc: "Integers drawn evenly from 0 … count − 1, anew in each step, as `random_uniform`; `count` is at most 2^24.",
    run(env, { shape, count }) {
      if ((count as number) > 2 ** 24) env.wrong("count", "a whole number from 1 to 16777216");
      const { b } = env;
      const drawn = b.op("random_uniform", [], { shape: shapeOf(env, shape, "shape"), site: env.nextSite() });
      return tensor(b.cast(b.op("floor", [b.mul(drawn, count as number)]), "i32"));
    },
  },
  {
    name: "len",
    params: params("xs: list"),
    doc: "The number of elements of a list.",
    run: (_, { xs }) => (xs as readonly CValue[]).length,
  },
  {
    name: "product",
    params: params("xs: list"),
    doc: "The product of a list of numbers.",
    run(env, { xs }) {
      const list = xs as readonly CValue[];
      if (!list.every((v) => typeof v === "number")) env.wrong("xs", "a list of numbers");
      return (list as readonly number[]).reduce((a, b) => a * b, 1);
    },
  },
  {
    name: "pair",
    params: params("x"),
    doc: "A number as [x, x]; a list of two as it is.",
    run(env, { x }) {
      if (typeof x === "number") return [x, x];
      if (isList(x) && x.length === 2) return x;
      return env.wrong("x", "a number or a list of two: [height, width]");
    },
  },
  {
    name: "constants",
    params: params("xs: number | list | tensor"),
    doc: "A list of numbers as a tensor [len(xs)] of constants; a number or a tensor as it is.",
    run(env, { xs }) {
      if (!isList(xs)) return xs;
      const list = xs as readonly CValue[];
      if (list.length === 0 || !list.every((v) => typeof v === "number")) env.wrong("xs", "a list of numbers");
      const parts = (list as readonly number[]).map((v) => env.b.broadcast(env.b.const(v), [1], []));
      return tensor(parts.length === 1 ? parts[0] : env.b.op("concat", parts, { axis: 0 }));
    },
  },
  {
    name: "arange",
    params: params("count: size"),
    doc: "0, 1, …, count − 1 as integers [count].",
    run: (env, { count }) => tensor(env.b.op("iota", [], { shape: [count as number], axis: 0 })),
  },
];
