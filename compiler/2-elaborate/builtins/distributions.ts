/** What initialisers are made of. Sampled by the runtime with a counter-based generator, keyed by the seed and the tensor's name. */
import { type CValue, type Distribution, isList } from "../values.ts";
import { type Builtin, params } from "./builtin.ts";

const distribution = (init: Distribution["init"]): CValue => ({ kind: "distribution", init });

export const DISTRIBUTIONS: readonly Builtin[] = [
  {
    name: "uniform",
    params: params("a: number | list, b: number", { a: 0, b: 1 }),
    doc: "Evenly from [a, b); `uniform(±b)` is from [−b, b).",
    run(env, { a, b }) {
      const [from, to] = isList(a) ? a : [a, b];
      if (typeof from !== "number" || typeof to !== "number") return env.wrong("a", "a number, or ±b");
      return distribution({ kind: "uniform", low: from, high: to });
    },
  },
  {
    name: "normal",
    params: params("mean: number, std: number", { mean: 0, std: 1 }),
    doc: "The normal distribution.",
    run(env, { mean, std }) {
      if ((std as number) < 0) env.wrong("std", "a number of at least 0");
      return distribution({ kind: "normal", mean: mean as number, std: std as number });
    },
  },
  {
    name: "trunc_normal",
    params: params("mean: number, std: number, a: number, b: number", { mean: 0, std: 1, a: -2, b: 2 }),
    doc: "The normal distribution with what lies outside of [a, b] left out, as PyTorch's trunc_normal_: a and b are values, not multiples of `std`.",
    run(env, { mean, std, a, b }) {
      if ((std as number) <= 0) env.wrong("std", "a positive number");
      if ((a as number) >= (b as number)) env.wrong("a", "a number below b");
      const [low, high] = [a as number, b as number];
      return distribution({ kind: "trunc_normal", mean: mean as number, std: std as number, low, high });
    },
  },
  {
    name: "orthogonal_matrix",
    params: params("gain: number", { gain: 1 }),
    doc: "`gain` times a matrix with orthonormal rows, or columns if these are fewer; what `orthogonal` is made of.",
    run: (_, { gain }) => distribution({ kind: "orthogonal", gain: gain as number }),
  },
  {
    name: "identity_kernel",
    params: params("groups: size", { groups: 1 }),
    doc: "1 where output and input have the same number within their group, at the middle of a window; what `eye` and `dirac` are made of.",
    run: (_, { groups }) => distribution({ kind: "identity", groups: groups as number }),
  },
  {
    name: "sparse_matrix",
    params: params("sparsity: number, std: number", { std: 0.01 }),
    doc: "Normal with the share `sparsity` of each column 0; what `sparse` is made of.",
    run: (_, { sparsity, std }) => distribution({ kind: "sparse", sparsity: sparsity as number, std: std as number }),
  },
  {
    name: "normal_table",
    params: params("empty: count"),
    doc: "Standard normal, but for the row `empty`, which is 0; what `embedding` with a `padding_idx` starts with.",
    run: (_, { empty }) => distribution({ kind: "table", empty: empty as number }),
  },
  {
    name: "constant",
    params: params("val: number"),
    doc: "The same value everywhere.",
    run: (_, { val }) => distribution({ kind: "constant", value: val as number }),
  },
];
