/** `train { … }` and the arguments of `data`: plain values with known names. */

import type { ManifestData } from "../../runtime/abi.ts";
import type { Argument, DataClause, TrainClause } from "../1-parse/syntax.ts";
import * as errors from "../errors.ts";
import { type Diagnostics, didYouMean, type Env, Failure, lookup } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { type CValue, isList, isPoison, show } from "./values.ts";

export interface TrainSettings {
  readonly epochs: number;
  readonly batch: number;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Leaves out the last batch of an epoch if it is smaller than the others. */
  readonly drop_last: boolean;
  /** How convolutions are computed: from the definition, or by Winograd's algorithm where that is faster. */
  readonly numerics: "strict" | "fast";
}

export const MAX_BATCH = 65_536;

interface Kind {
  readonly expected: string;
  readonly test: (v: CValue) => boolean;
}
const whole = (low: number, high: number): Kind => ({
  expected: `a whole number from ${low} to ${high}`,
  test: (v) => typeof v === "number" && Number.isInteger(v) && v >= low && v <= high,
});
const bool: Kind = { expected: "true or false", test: (v) => typeof v === "boolean" };

const NUMERICS = ["strict", "fast"] as const;

const TRAIN: Readonly<Record<keyof TrainSettings, Kind>> = {
  epochs: whole(1, 1_000_000),
  batch: whole(1, MAX_BATCH),
  shuffle: bool,
  seed: whole(0, 2 ** 32 - 1),
  drop_last: bool,
  numerics: { expected: "strict or fast", test: (v) => NUMERICS.includes(v as "strict") },
};

const DEFAULTS: TrainSettings = { epochs: 10, batch: 64, shuffle: true, seed: 0, drop_last: false, numerics: "strict" };

export function trainSettings(clause: TrainClause | null, env: Env): TrainSettings {
  return { ...DEFAULTS, ...readSettings("train", clause?.settings ?? [], TRAIN, NUMERICS, env) } as TrainSettings;
}

/** Words that a data source's arguments may be. */
const SPLITS = ["train", "test"] as const;
const split: Kind = { expected: "train or test", test: (v) => SPLITS.includes(v as "train") };
const number: Kind = { expected: "a number", test: (v) => typeof v === "number" };
const COMMON = { split, eval: split, scale: number };

/** The data sources and their arguments. `scale` is the factor on bytes, 1/255 by default. */
const SOURCES: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  cifar10: COMMON,
  synthetic: { ...COMMON, size: whole(1, 10_000_000), eval_size: whole(1, 10_000_000), seed: whole(0, 2 ** 32 - 1) },
};

export function dataSettings(clause: DataClause, env: Env): ManifestData | null {
  const { diagnostics } = env.ctx;
  const source = clause.source.text;
  if (!Object.hasOwn(SOURCES, source)) {
    const names = Object.keys(SOURCES);
    const params = { name: source, known: names.join(" and ") };
    diagnostics.add(errors.unknownData(params, clause.source.span, didYouMean(source, names)));
    return null;
  }
  return { source, args: readSettings(source, clause.args, SOURCES[source], SPLITS, env) };
}

type Setting = string | number | boolean | readonly number[];

function readSettings(
  clause: string,
  settings: readonly Argument[],
  known: Readonly<Record<string, Kind>>,
  words: readonly string[],
  env: Env,
): Record<string, Setting> {
  const values: Record<string, Setting> = {};
  // The command line's come last: they take the place of the file's.
  for (const setting of [...settings].sort((a, b) => Number(a.override ?? false) - Number(b.override ?? false))) {
    guarded(env.ctx.diagnostics, () => {
      const name = setting.name?.text ?? "";
      if (!Object.hasOwn(known, name)) unknown(clause, setting, Object.keys(known), env);
      if (Object.hasOwn(values, name) && !setting.override) {
        throw env.ctx.failure(errors.duplicateArgument({ callee: clause, name }, setting.span));
      }
      const value = settingValue(setting, known[name], words, env);
      if (isPoison(value)) return;
      if (!known[name].test(value)) {
        throw env.ctx.failure(
          errors.badSetting({ name, expected: known[name].expected, found: show(value) }, setting.value.span),
        );
      }
      if (typeof value !== "object" || isList(value)) values[name] = value as Setting;
    });
  }
  return values;
}

function unknown(clause: string, setting: Argument, known: readonly string[], env: Env): never {
  const name = setting.name?.text ?? "without a name";
  const extra = didYouMean(name, known);
  const at = setting.name?.span ?? setting.span;
  throw env.ctx.failure(errors.unknownSetting({ clause, name, known: known.join(", ") }, at, extra));
}

function settingValue({ name, value }: Argument, kind: Kind, words: readonly string[], env: Env): CValue {
  if (value.kind !== "name") return evaluate(value, env);
  if (words.includes(value.name)) return value.name;
  if (lookup(env, value.name, false) !== undefined) return evaluate(value, env);
  const known = words.filter((word) => kind.test(word));
  const params = { name: name!.text, expected: kind.expected, found: `\`${value.name}\`` };
  throw env.ctx.failure(errors.badSetting(params, value.span, didYouMean(value.name, known)));
}

/** Runs something whose errors are reported without ending the rest. */
export function guarded<T>(diagnostics: Diagnostics, run: () => T): T | undefined {
  try {
    return run();
  } catch (e) {
    if (!(e instanceof Failure) || e.fatal) throw e;
    diagnostics.add(e.diagnostic);
    return undefined;
  }
}
