/** Lists: several sizes given as one number or each, and the parts of a tensor. */
import type { Dim } from "../../ir/graph.ts";
import { type CValue, isList, type Tensor, tensor } from "../values.ts";
import { type Builtin, type BuiltinEnv, params } from "./builtin.ts";
import { axesOf } from "./reduce.ts";

/** Lists are of axes, sizes and classes. */
export const MAX_LIST = 10_000;

function requireShort(env: BuiltinEnv, name: string, length: number): void {
  if (length > MAX_LIST) env.wrong(name, `one that makes a list of at most ${MAX_LIST}`);
}

/** The sizes of the parts of an axis: equal ones but for the last, or those given. */
function partSizes(env: BuiltinEnv, sizes: CValue, whole: Dim): number[] {
  if (whole === "n") return env.wrong("axis", "an axis other than that of the samples");
  if (!isList(sizes)) {
    const size = sizes as number;
    requireShort(env, "sizes", whole / size);
    return Array.from({ length: Math.ceil(whole / size) }, (_, i) => Math.min(size, whole - i * size));
  }
  const valid = sizes.every((size) => Number.isInteger(size) && (size as number) >= 1);
  const total = valid ? (sizes as readonly number[]).reduce((a, b) => a + b, 0) : 0;
  return total === whole ? [...(sizes as readonly number[])] : env.wrong("sizes", `sizes that add up to ${whole}`);
}

function extremum(name: string, doc: string, of: (a: number, b: number) => number): Builtin {
  return {
    name,
    params: params("xs: list"),
    doc,
    run(env, { xs }) {
      const list = xs as readonly CValue[];
      if (list.length === 0 || !list.every((v) => typeof v === "number")) env.wrong("xs", "a list of numbers");
      return (list as readonly number[]).reduce((a, b) => of(a, b));
    },
  };
}

export const LISTS: readonly Builtin[] = [
  extremum("largest", "The largest number of a list.", Math.max),
  extremum("smallest", "The smallest number of a list.", Math.min),
  {
    name: "ntuple",
    params: params("x, count: size"),
    doc: "A number as a list of `count` equal ones; a list of `count` numbers as it is.",
    run(env, { x, count }) {
      requireShort(env, "count", count as number);
      if (typeof x === "number") return Array.from({ length: count as number }, () => x);
      if (isList(x) && x.length === count) return x;
      return env.wrong("x", `a number or a list of ${count}`);
    },
  },
  {
    name: "join",
    params: params("xs, ys"),
    doc: "Two lists one after the other; what is no list counts as a list of it.",
    run(env, { xs, ys }) {
      const [first, second] = [xs, ys].map((list) => (isList(list) ? list : [list]));
      requireShort(env, "ys", first.length + second.length);
      return [...first, ...second];
    },
  },
  {
    name: "sublist",
    params: params("xs: list, start: int, stop: int | end", { stop: "end" }),
    doc: "The elements of a list from `start` on and before `stop`, counted from 0 or, negative, from the end.",
    run: (_, { xs, start, stop }) =>
      (xs as readonly CValue[]).slice(start as number, stop === "end" ? undefined : (stop as number)),
  },
  {
    name: "range",
    params: params("count: count"),
    doc: "The list 0, 1, …, count − 1.",
    run(env, { count }) {
      requireShort(env, "count", count as number);
      return Array.from({ length: count as number }, (_, i) => i);
    },
  },
  {
    name: "split",
    params: params("x: tensor, sizes: size | list, axis: int", { axis: 1 }),
    doc: "The list of x's parts along `axis`: of the given sizes, or all of one size (the last may be smaller).",
    run(env, { x, sizes, axis }) {
      const { value } = x as Tensor;
      const { shape } = value.type;
      const [at] = axesOf(env, axis, shape.length);
      const along = <T extends Dim>(other: (d: Dim) => T, own: T): T[] =>
        shape.map((d, i) => (i === at ? own : other(d)));
      let start = 0;
      return partSizes(env, sizes, shape[at]).map((size) => {
        const limits = along<Dim>((d) => d, start + size);
        const attrs = { starts: along(() => 0, start), limits, strides: shape.map(() => 1) };
        start += size;
        return tensor(env.b.op("slice", [value], attrs));
      });
    },
  },
];
