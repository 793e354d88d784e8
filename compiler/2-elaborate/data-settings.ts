/** The arguments of `data`: where samples come from. */
import type { ManifestData } from "../../runtime/abi.ts";
import type { Argument, DataClause } from "../1-parse/syntax.ts";
import type { Diagnostic } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { didYouMean, type Env } from "./context.ts";
import { type Kind, readSettings, whole } from "./settings.ts";
import { isList } from "./values.ts";

const words = (...list: readonly string[]): Kind => ({
  expected: list.join(" or "),
  words: list,
  test: (v) => list.includes(v as string),
});
const text: Kind = {
  expected: 'a text in quotes, such as "photos/train"',
  test: (v) => typeof v === "string" && v !== "",
};
const split = words("train", "test");
const seed = whole(0, 2 ** 32 - 1);
const share: Kind = {
  expected: "a share of the training data (0 to 1), or a number of samples",
  test: (v) => typeof v === "number" && v >= 0 && (v < 1 || Number.isInteger(v)),
};
const size: Kind = {
  expected: "a whole number, or [height, width]",
  test: (v) => {
    const sizes = isList(v) ? v : [v, v];
    return sizes.length === 2 && sizes.every((s) => Number.isInteger(s) && (s as number) >= 1);
  },
};

/** Of all sources. `scale` is the factor on bytes, 1/255 by default. */
const COMMON = {
  scale: { expected: "a number", test: (v) => typeof v === "number" } satisfies Kind,
  validation: share,
  validation_seed: seed,
};
const SPLITS = { split, eval: split, ...COMMON };
const COUNT = whole(1, 10_000_000);

/** The data sources and their arguments; what stands first without a name is the `path`. */
const SOURCES: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  cifar10: SPLITS,
  cifar100: { ...SPLITS, labels: words("fine", "coarse") },
  image_folder: { path: text, eval: text, size, fit: words("stretch", "crop"), ...COMMON },
  npy: { path: text, eval: text, ...COMMON },
  synthetic: { ...SPLITS, size: COUNT, eval_size: COUNT, seed },
};

export function dataSettings(clause: DataClause, env: Env): ManifestData | null {
  const { diagnostics } = env.ctx;
  const { text: source, span } = clause.source;
  if (!Object.hasOwn(SOURCES, source)) {
    const names = Object.keys(SOURCES);
    const known = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
    diagnostics.add(errors.unknownData({ name: source, known }, span, didYouMean(source, names)));
    return null;
  }
  const known = SOURCES[source];
  const args = readSettings(source, clause.args.map(known.path ? pathFirst : (arg) => arg), known, env);
  if (known.path && !("path" in args)) {
    const cure = `data ${source}("the/folder")`;
    diagnostics.add(
      errors.badSetting({ name: "path", expected: text.expected, found: "nothing" }, span, { help: cure }),
    );
  }
  for (const warning of idleSettings(clause)) diagnostics.add(warning);
  return { source, args: args as ManifestData["args"] };
}

/** Settings that another one makes idle, or that need another one; what the command line says may. */
function idleSettings({ args }: DataClause): Diagnostic[] {
  const validation = args.find(({ name }) => name?.text === "validation");
  const idle = (name: string, reason: string): Diagnostic[] =>
    args
      .filter((arg) => arg.name?.text === name && !arg.override)
      .map((arg) => errors.noEffect({ what: `\`${name}\``, reason }, arg.span));
  if (!validation) return idle("validation_seed", "no `validation` is held out");
  return validation.override ? [] : idle("eval", "`validation` is evaluated in its place");
}

const pathFirst = (arg: Argument, i: number): Argument =>
  i === 0 && arg.name === null ? { ...arg, name: { text: "path", span: arg.value.span } } : arg;
