/** Fuzzing of the front end: whatever the text, it ends soon, in a model or in diagnostics with places. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { renderDiagnostic } from "../../compiler/diagnostics-text.ts";
import { LIBRARY } from "../../compiler/std/index.ts";
import { check, modelWith } from "../errors/front-end.ts";
import { Random } from "./random.ts";

/** What a text may take. Most take some milliseconds. */
const MOST_MILLISECONDS = 1000;

const strange = [
  ...[
    "0",
    "-1",
    "1e308",
    "1e999",
    "1e-400",
    "10^12",
    "2^53",
    "0/0",
    "1/0",
    "99999999999999999999",
    "0x10",
    "1.",
    ".5",
    "1_000",
  ],
  ...[
    '"',
    '"a',
    "'",
    "`",
    "\\",
    "#",
    "$",
    "±",
    "|>",
    "|> |>",
    "..",
    "==",
    "=",
    "~",
    "@",
    "?",
    ":",
    ";",
    ";;",
    "->",
    "//",
    "/*",
    "///",
  ],
  ...[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "{{",
    "}}",
    "((",
    "))",
    "é",
    "ﬁ",
    "\u0000",
    "\ud800",
    "\udfff",
    "𝔸",
    "\u200b",
    "\u202e",
    "\ufeff",
  ],
  ...["\r\n", "\r", "\u2028", "\t", "\f", "\u00a0", "∞", "constructor", "__proto__", "toString", "hasOwnProperty"],
];

interface Corpus {
  /** Whole files: models, and what the tests of errors compile. */
  readonly files: readonly string[];
  readonly lines: readonly string[];
  readonly tokens: readonly string[];
}

/** `root`: the folder of the repository. */
export function readCorpus(root: URL): Corpus {
  const models = fileURLToPath(new URL("models", root));
  const cases = fileURLToPath(new URL("test/errors/cases", root));
  const files = [
    ...readdirSync(models).map((name) => readFileSync(`${models}/${name}`, "utf8")),
    ...readdirSync(cases).map((name) => readFileSync(`${cases}/${name}/input.model`, "utf8")),
    modelWith(""),
    modelWith("net { repeat 2 as i { c: conv2d(i + 2, kernel = 1) }; flatten; fc: linear(10) }"),
  ];
  const lines = [...files, ...LIBRARY.map((file) => file.text)].flatMap((text) => text.split("\n"));
  const tokens = [...new Set(lines.flatMap((line) => line.match(/\w+|[^\w\s]/g) ?? []))];
  return { files, lines, tokens };
}

type TextGenerator = (random: Random, corpus: Corpus) => string;

const many = (random: Random, most: number, part: () => string, separator = " "): string =>
  Array.from({ length: random.below(most) }, part).join(separator);

/** Parts removed, doubled, moved, replaced. A part is a line, a token, or a character. */
function mutated(text: string, random: Random, { tokens, lines }: Corpus): string {
  const unit = random.of([/(?<=\n)/, /(?<=\W)|(?=\W)/, ""]);
  let parts = text.split(unit);
  for (let i = random.below(6); i >= 0; i--) {
    const at = random.below(parts.length);
    const changes: readonly (() => void)[] = [
      () => parts.splice(at, 1 + random.below(3)),
      () => parts.splice(at, 0, parts[random.below(parts.length)] ?? ""),
      () => parts.splice(at, 1, unit === "" ? random.of(random.of(tokens).split("")) : ` ${random.of(tokens)} `),
      () => parts.splice(at, 0, random.of(strange)),
      () => parts.splice(at, 0, `${random.of(lines)}\n`),
      () => {
        parts = [...parts.slice(at), ...parts.slice(0, at)];
      },
      () => {
        parts = parts.slice(0, at + 1);
      },
    ];
    random.of(changes)();
    if (parts.length === 0) parts.push(random.of(lines));
  }
  return parts.join("");
}

/** The beginning of one file and the end of another, or of the library. */
function spliced(random: Random, { files }: Corpus): string {
  const half = (): string[] => (random.chance(0.3) ? random.of(LIBRARY).text : random.of(files)).split("\n");
  const [a, b] = [half(), half()];
  return [...a.slice(0, random.below(a.length)), ...b.slice(random.below(b.length))].join("\n");
}

const OPENERS = [
  "(",
  "[",
  "-",
  "not ",
  "1 + ",
  "f(",
  "{",
  "if true then ",
  "true ? ",
  "[1, ",
  "x |> ",
  "(1 + ",
  "repeat 2 { ",
];
const CLOSERS = [")", "]", "}", " else 1", " : 1", "", "))", ".a", "()", "[0]", " + 1"];

function nested(random: Random): string {
  const depth = random.of([3, 20, 38, 41, 300, 3000]);
  const [open, close] = [random.of(OPENERS), random.of(CLOSERS)];
  const text = `${open.repeat(depth)}1${close.repeat(random.chance(0.7) ? depth : random.below(depth))}`;
  const places = [
    `optimizer sgd(lr = ${text})`,
    `net { flatten; ${text}; fc: linear(10) }`,
    `let a = ${text}`,
    `train { batch = ${text} }`,
  ];
  return modelWith(random.of([...places, `fn f(x) = ${text}`, text]));
}

/** A correct model with numbers that are too large, too small or not whole. */
function numbers(random: Random, { files }: Corpus): string {
  const value = (): string =>
    random.of(["0", "-3", "1e9", "1e18", "2^31", "65537", "1e308 * 10", "0.5", "1e-30", "0 / 0", "7"]);
  return random.of(files).replace(/(?<![\w.])\d+(\.\d+)?(?![\w.])/g, (old) => (random.chance(0.1) ? value() : old));
}

const ENCODINGS: readonly ((text: string) => string)[] = [
  (text) => `\ufeff${text}`,
  (text) => text.replaceAll("\n", "\r\n"),
  (text) => text.replaceAll("\n", "\r"),
  (text) => text.replaceAll(" ", "\u0000"),
  (text) => text.replaceAll("  ", "\t"),
  (text) => text.replaceAll("\n", " "),
  (text) => text.replaceAll("e", "é"),
  (text) => text.toUpperCase(),
];

const generators: readonly TextGenerator[] = [
  (random, corpus) => mutated(random.of(corpus.files), random, corpus),
  (random, corpus) => mutated(mutated(random.of(corpus.files), random, corpus), random, corpus),
  (random, corpus) => mutated(random.of(LIBRARY).text, random, corpus),
  spliced,
  (random, corpus) => mutated(spliced(random, corpus), random, corpus),
  numbers,
  (random) => nested(random),
  (random, corpus) => random.of(ENCODINGS)(mutated(random.of(corpus.files), random, corpus)),
  (random, { lines }) => modelWith(many(random, 5, () => random.of(lines), "\n")),
  (random, { tokens }) => modelWith(`net { ${many(random, 12, () => random.of(tokens))} }`),
  (random, { tokens }) => modelWith(many(random, 30, () => random.of([...tokens, ...strange]))),
  (random, { tokens }) => many(random, 80, () => random.of([...tokens, ...strange])),
  (random) => many(random, 300, () => String.fromCharCode(random.below(random.of([0x80, 0x300, 0x10000]))), ""),
];

/** What is wrong with how the compiler takes the text of a seed; null if nothing is. */
export function checkText(seed: number, corpus: Corpus): string | null {
  const random = new Random(seed);
  const text = random.of(generators)(random, corpus);
  const start = process.cpuUsage();
  const wrong = fault(text);
  // Of the processor, so that it does not matter what else the machine does.
  const { user, system } = process.cpuUsage(start);
  const milliseconds = (user + system) / 1000;
  const slow = milliseconds > MOST_MILLISECONDS;
  const found = wrong ?? (slow ? `${Math.round(milliseconds)} ms` : null);
  return found === null ? null : `text of seed ${seed}: ${found}\n${JSON.stringify(text)}`;
}

function fault(text: string): string | null {
  try {
    const { diagnostics, model } = check(text);
    if (model === null && !diagnostics.some((d) => d.severity === "error")) return "neither a model nor an error";
    for (const d of diagnostics) {
      if (d.span === null) return `${d.code} has no place`;
      const { file, start, end } = d.span;
      if (!(start >= 0 && start <= end && end <= file.text.length)) return `${d.code} at ${start}…${end}`;
      if (!renderDiagnostic(d).includes(d.code)) return `${d.code} is not shown`;
      if (/undefined|\[object|NaN\b.*NaN/.test(d.message)) return `${d.code}: ${d.message}`;
    }
    return null;
  } catch (error) {
    return `${(error as Error).stack}`;
  }
}

export interface TextSummary {
  readonly texts: number;
  readonly failures: string[];
}

export function fuzzTexts(
  first: number,
  count: number,
  root: URL,
  progress?: (done: number, failures: readonly string[]) => void,
): TextSummary {
  const corpus = readCorpus(root);
  const failures: string[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const failure = checkText(seed, corpus);
    if (failure !== null) failures.push(failure);
    progress?.(seed - first + 1, failures);
  }
  return { texts: count, failures };
}
