/** `mlc fmt`: what its form is, that it keeps comments and meaning, and that it is the same when done twice. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "../../compiler/1-parse/parse.ts";
import { scan } from "../../compiler/1-parse/scan.ts";
import { CompileError } from "../../compiler/diagnostics.ts";
import { format } from "../../compiler/format/format.ts";
import { printModule } from "../../compiler/ir/text.ts";
import { LIBRARY } from "../../compiler/std/index.ts";
import { check } from "../errors/front-end.ts";
import { randomModel } from "../fuzz/generate.ts";
import { modelText } from "../fuzz/program.ts";
import { Random } from "../fuzz/random.ts";

const pageAt = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

const modelsOf = (folder: string): { name: string; text: string }[] => {
  const path = fileURLToPath(new URL(`../../${folder}`, import.meta.url));
  const names = readdirSync(path).filter((name) => name.endsWith(".model"));
  return names.map((name) => ({ name, text: readFileSync(`${path}/${name}`, "utf8") }));
};
const files = [...modelsOf("models"), ...modelsOf("docs/examples"), ...LIBRARY];
const formatted = (text: string): string => format({ name: "test.model", text });
const comments = (text: string): string[] => (text.match(/\/\/.*/g) ?? []).map((comment) => comment.trimEnd());

/** The syntax tree without places. */
const treeOf = (text: string): string =>
  JSON.stringify(parse({ name: "test.model", text }).items, (key, value) => (key === "span" ? undefined : value));

describe.each(files)("$name", ({ text }) => {
  const result = formatted(text);
  it("is formatted (mlc fmt models docs/examples compiler/std)", () => expect(text).toBe(result));
  it("means the same", () => {
    expect(treeOf(result)).toBe(treeOf(text));
    expect(comments(result)).toEqual(comments(text));
  });
  it("stays as it is the second time", () => expect(formatted(result)).toBe(result));
  it("fits the page but for comments and texts", () => {
    const long = result.split("\n").filter((line) => line.length > 120 && !/\/\/|"/.test(line));
    expect(long).toEqual([]);
  });
});

it.each(Array.from({ length: 6 }, (_, i) => i + 1))("random model %i keeps its graph", (seed) => {
  const text = modelText(randomModel(seed));
  const result = formatted(text);
  expect(formatted(result)).toBe(result);
  // Places differ; the graph may not.
  const graph = (source: string): string => printModule(check(source).model!.module).replace(/ *;.*$/gm, "");
  expect(graph(result)).toBe(graph(text));
});

/** The models and parts of models that people read in the documentation. */
const pages = [
  "README.md",
  ...readdirSync(pageAt("docs"), { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`),
];
const blocks = pages
  .filter((name) => name.endsWith(".md"))
  .flatMap((name) => {
    const found = [...readFileSync(pageAt(name), "utf8").matchAll(/```model\n([\s\S]*?)```/g)];
    return found.map((match, i) => [`${name}, block ${i + 1}`, match[1]] as const);
  });

/** Clauses are formatted as those of a model. */
function formattedBlock(text: string): string {
  if (/^(model|import)\b/m.test(text)) return formatted(text);
  const lines = formatted(`model m {\n${text}}\n`).split("\n").slice(1, -2);
  return `${lines.map((line) => line.replace(/^ {2}/, "")).join("\n")}\n`;
}

it.each(blocks)("%s is formatted", (_, text) => expect(text).toBe(formattedBlock(text)));

/** Kinds of comments, with what could be taken for something else. */
const COMMENTS = ["// note", "//", "/// doc", "// ünïcødé 𝔸", '// "quote { [ (', `// ${"long ".repeat(30)}`];

/** Comments between any two tokens where the file can still be read: at most as many as `most`. */
function noted(text: string, random: Random, most: number): string {
  const { tokens } = scan({ name: "test.model", text });
  const places = tokens.flatMap(({ start, end }) => (random.chance(0.1) ? [random.chance(0.5) ? start : end] : []));
  return places.slice(0, most).reduceRight((source, at) => {
    const note = `${random.chance(0.3) ? "\n" : " "}${random.of(COMMENTS)}\n`;
    const longer = source.slice(0, at) + note + source.slice(at);
    return isReadable(longer) ? longer : source;
  }, text);
}

function isReadable(text: string): boolean {
  try {
    parse({ name: "test.model", text });
    return true;
  } catch {
    return false;
  }
}

const ENDINGS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replaceAll("\n", "\r\n"),
  (text) => `\ufeff${text.trimEnd()}`,
  (text) => text.replaceAll("  ", "\t"),
];

it.each(Array.from({ length: 24 }, (_, i) => i + 1))(
  "random model %i keeps comments between any two tokens",
  (seed) => {
    const random = new Random(seed);
    const source = random.of(ENDINGS)(noted(modelText(randomModel(seed)), random, 12));
    const result = formatted(source);
    expect(comments(result)).toEqual(comments(source.replaceAll("\r", "")));
    expect(formatted(result)).toBe(result);
    expect(treeOf(result)).toBe(treeOf(source));
  },
);

/** Comments at many line ends and on lines of their own. */
it.each(files)("$name keeps comments wherever they stand", ({ text }) => {
  const random = new Random(7);
  const lines = text.split("\n");
  for (let i = 0; i < 2; i++) {
    const noted = lines.map((line) =>
      random.chance(0.7) || /\/\/|"/.test(line) ? line : random.chance(0.5) ? `${line} // note` : `// note\n${line}`,
    );
    const source = noted.join("\n");
    const result = formatted(source);
    expect(comments(result)).toEqual(comments(source));
    expect(formatted(result)).toBe(result);
    expect(treeOf(result)).toBe(treeOf(source));
  }
});

it.each<[string, string, string]>([
  ["spaces", "fn f( x,y=2 )=x*( y+1 )^ - 2", "fn f(x, y = 2) = x * (y + 1) ^ -2\n"],
  ["signs", "let a=-  x+ ± 2-(-3)", "let a = -x + ±2 - (-3)\n"],
  [
    "labels, members, indices",
    "layer l{a :conv2d( 3 ) |>b: relu ; in . shape [ 1 ]}",
    "layer l { a: conv2d(3) |> b: relu; in.shape[1] }\n",
  ],
  ["words before brackets", "fn f(x)=if(x>0)then(x)else not(x)", "fn f(x) = if (x > 0) then (x) else not (x)\n"],
  [
    "types",
    "layer l(a:size|list|none=none,b:f32[ n,..., 3 ]){in}",
    "layer l(a: size | list | none = none, b: f32[n, ..., 3]) { in }\n",
  ],
  [
    "blocks of several lines",
    "model m {\n\n\ninput x:f32[3]\n\n\n net { flatten;  fc: linear(3) }\nloss mean(net);optimizer sgd\ntrain{epochs=1,\nbatch=2}\n\n}",
    "model m {\n  input x: f32[3]\n\n  net { flatten; fc: linear(3) }\n  loss mean(net); optimizer sgd\n  train {\n    epochs = 1\n    batch = 2\n  }\n}\n",
  ],
  [
    "long arguments",
    `let a = f(${Array.from({ length: 30 }, (_, i) => `argument_${i} = ${i}`).join(",")})`,
    `let a = f(
  argument_0 = 0, argument_1 = 1, argument_2 = 2, argument_3 = 3, argument_4 = 4, argument_5 = 5, argument_6 = 6,
  argument_7 = 7, argument_8 = 8, argument_9 = 9, argument_10 = 10, argument_11 = 11, argument_12 = 12,
  argument_13 = 13, argument_14 = 14, argument_15 = 15, argument_16 = 16, argument_17 = 17, argument_18 = 18,
  argument_19 = 19, argument_20 = 20, argument_21 = 21, argument_22 = 22, argument_23 = 23, argument_24 = 24,
  argument_25 = 25, argument_26 = 26, argument_27 = 27, argument_28 = 28, argument_29 = 29,
)
`,
  ],
  [
    "comments in lists, at the ends of lines, before what closes",
    "let a = f( // one\n  1, // two\n  // three\n  2 // four\n  // five\n) // six\n// seven",
    "let a = f( // one\n  1, // two\n  // three\n  2 // four\n  // five\n) // six\n// seven\n",
  ],
  [
    "comments before commas between settings",
    "model m { train { epochs = 2 // two\n, batch = 9 // nine\n, seed = 1 } }",
    "model m {\n  train {\n    epochs = 2 // two\n    batch = 9 // nine\n    seed = 1\n  }\n}\n",
  ],
  ["a comment alone", "\n\n//   alone  \n\n", "//   alone\n"],
  ["nothing", "\n \n", ""],
  ["other line ends", "\ufefflet a = 1\r\nlet b = 2\r\n", "let a = 1\nlet b = 2\n"],
])("%s", (_, text, expected) => {
  expect(formatted(text)).toBe(expected);
  expect(formatted(expected)).toBe(expected);
});

it("refuses what has syntax errors", () => {
  expect(() => formatted("model m { net { relu( }")).toThrow(CompileError);
});
