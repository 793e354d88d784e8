/** `train { … }`, and how settings are read: plain values with known names. */
import type { Argument, TrainClause } from "../1-parse/syntax.ts";
import * as errors from "../errors.ts";
import type { Value } from "../ir/graph.ts";
import { CONV_ALGORITHMS, type ConvAlgorithm } from "../ops/conv-algorithms.ts";
import { toValue } from "./arithmetic.ts";
import { didYouMean, type Env, lookup } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { guarded } from "./failure.ts";
import { type CValue, isList, isPoison, isTensor, show, type Tensor } from "./values.ts";

export interface TrainSettings {
  readonly epochs: number;
  readonly batch: number;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Leaves out the last batch of an epoch if it is smaller than the others. */
  readonly drop_last: boolean;
  /** How convolutions are computed: from the definition, or by Winograd's algorithm where that is faster. */
  readonly numerics?: "strict" | "fast";
  /** The algorithm of all convolutions that it suits and whose layers name none. */
  readonly convolution: ConvAlgorithm;
  /** Batches of an update. */
  readonly accumulate: number;
}

/** What happens to gradients before the optimizer, and to weights after it. Scalars may be of the run, as schedules are. */
export interface UpdateSettings {
  readonly accumulate: number;
  /** The most that a gradient's elements, and the length of all gradients together, may be. */
  readonly clip_value: Value | null;
  readonly clip_norm: Value | null;
  /** How much of the weights' moving average stays in an update. */
  readonly ema: Value | null;
  /** Buffers have an average too. */
  readonly ema_buffers: boolean;
}

export const MAX_BATCH = 65_536;

export interface Kind {
  readonly expected: string;
  /** Names that stand for themselves. */
  readonly words?: readonly string[];
  readonly test: (v: CValue) => boolean;
  /** May be computed from the run's step, epoch, …: nothing else that is no number is known where the settings stand. */
  readonly isScalar?: boolean;
}
const scalar = (expected: string, test: (v: number) => boolean): Kind => ({
  expected,
  test: (v) => (typeof v === "number" ? test(v) : isTensor(v)),
  isScalar: true,
});
export const whole = (low: number, high: number): Kind => ({
  expected: `a whole number from ${low} to ${high}`,
  test: (v) => typeof v === "number" && Number.isInteger(v) && v >= low && v <= high,
});
const bool: Kind = { expected: "true or false", test: (v) => typeof v === "boolean" };

const NUMERICS = ["strict", "fast"] as const;

const positive = scalar("a number above 0", (v) => v > 0 && v < Infinity);

const TRAIN: Readonly<Record<keyof TrainSettings | keyof UpdateSettings, Kind>> = {
  epochs: whole(1, 1_000_000),
  batch: whole(1, MAX_BATCH),
  shuffle: bool,
  seed: whole(0, 2 ** 32 - 1),
  drop_last: bool,
  numerics: { expected: "strict or fast", words: NUMERICS, test: (v) => NUMERICS.includes(v as "strict") },
  convolution: {
    expected: CONV_ALGORITHMS.join(", "),
    words: CONV_ALGORITHMS,
    test: (v) => CONV_ALGORITHMS.includes(v as ConvAlgorithm),
  },
  accumulate: whole(1, 1_000_000),
  clip_value: positive,
  clip_norm: positive,
  ema: scalar("a number of at least 0 and below 1", (v) => v >= 0 && v < 1),
  ema_buffers: bool,
};

export const TRAIN_SETTINGS: readonly string[] = Object.keys(TRAIN);

const DEFAULTS: TrainSettings = {
  epochs: 10,
  batch: 64,
  shuffle: true,
  seed: 0,
  drop_last: false,
  convolution: "auto",
  accumulate: 1,
};

export function trainSettings(clause: TrainClause | null, env: Env): { train: TrainSettings; update: UpdateSettings } {
  const read = readSettings("train", clause?.settings ?? [], TRAIN, env);
  const { clip_value, clip_norm, ema, ema_buffers = false, ...rest } = read;
  const train = { ...DEFAULTS, ...rest } as TrainSettings;
  const buffers = clause?.settings.find(({ name }) => name?.text === "ema_buffers");
  if (ema_buffers && buffers && !clause?.settings.some(({ name }) => name?.text === "ema")) {
    const params = { name: "ema_buffers", expected: "false where there is no `ema`", found: "true" };
    env.ctx.diagnostics.add(errors.badSetting(params, buffers.value.span));
  }
  const value = (setting: Setting | undefined): Value | null =>
    setting === undefined ? null : toValue(env.ctx.b, setting as number | Tensor);
  return {
    train,
    update: {
      accumulate: train.accumulate,
      clip_value: value(clip_value),
      clip_norm: value(clip_norm),
      // An average that keeps nothing of the past is what is averaged.
      ema: ema === 0 ? null : value(ema),
      ema_buffers: ema_buffers as boolean,
    },
  };
}

type Setting = string | number | boolean | readonly number[] | Tensor;

export function readSettings(
  clause: string,
  settings: readonly Argument[],
  known: Readonly<Record<string, Kind>>,
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
      const value = settingValue(setting, known[name], env);
      if (isPoison(value)) return;
      if (!known[name].test(value)) {
        throw env.ctx.failure(
          errors.badSetting(
            { name, expected: known[name].expected, found: show(value) },
            setting.value.span,
            typeof value === "string" ? didYouMean(value, known[name].words ?? []) : {},
          ),
        );
      }
      if (typeof value !== "object" || isList(value) || isTensor(value)) values[name] = value as Setting;
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

function settingValue({ name, value }: Argument, kind: Kind, around: Env): CValue {
  const env = kind.isScalar ? { ...around, scope: around.spaces.host, prefer: around.spaces.of("schedule") } : around;
  if (value.kind !== "name") return evaluate(value, env);
  const { words = [] } = kind;
  if (words.includes(value.name)) return value.name;
  if (lookup(env, value.name, false) !== undefined) return evaluate(value, env);
  const params = { name: name!.text, expected: kind.expected, found: `\`${value.name}\`` };
  throw env.ctx.failure(errors.badSetting(params, value.span, didYouMean(value.name, words)));
}
