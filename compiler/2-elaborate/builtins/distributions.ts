/** What initialisers are made of. Sampled by the runtime with a counter-based generator, keyed by the seed and the tensor's name. */
import { type CValue, type Distribution, isList } from "../values.ts";
import { type Builtin, params } from "./builtin.ts";

const distribution = (init: Distribution["init"]): CValue => ({ kind: "distribution", init });

export const DISTRIBUTIONS: readonly Builtin[] = [
  {
    name: "uniform",
    params: params("low: number | list, high: number", { low: 0, high: 1 }),
    doc: "Evenly from [low, high); `uniform(±b)` is from [−b, b).",
    run(env, { low, high }) {
      const [from, to] = isList(low) ? low : [low, high];
      if (typeof from !== "number" || typeof to !== "number") return env.wrong("low", "a number, or ±b");
      return distribution({ kind: "uniform", low: from, high: to });
    },
  },
  {
    name: "normal",
    params: params("mean: number, std: number", { mean: 0, std: 1 }),
    doc: "The normal distribution.",
    run: (_, { mean, std }) => distribution({ kind: "normal", mean: mean as number, std: std as number }),
  },
  {
    name: "constant",
    params: params("value: number"),
    doc: "The same value everywhere.",
    run: (_, { value }) => distribution({ kind: "constant", value: value as number }),
  },
];
