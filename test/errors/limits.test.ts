/** No file makes the compiler loop, recurse or allocate without bound. */
import { expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { CompileError } from "../../compiler/diagnostics.ts";
import { renderDiagnostic } from "../../compiler/diagnostics-text.ts";
import { check, modelWith } from "./front-end.ts";

const SIZE = 1_000_000;
const rate = (expression: string): string => modelWith(`optimizer sgd(lr = ${expression})`);
const net = (steps: string): string => modelWith(`net { flatten\n${steps}\nfc: linear(10) }`);
const noise = (alphabet: string): string => {
  let state = 1;
  const next = (): string => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return alphabet[(state >>> 8) % alphabet.length];
  };
  return Array.from({ length: SIZE }, next).join("");
};
const bytes = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
const many = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

const refused: readonly (readonly [name: string, text: string, code: string])[] = [
  ["random bytes", noise(bytes), "not-text"],
  ["random words", noise("abcdefghij \n"), "too-many-tokens"],
  ["random symbols", noise("ab(){}[]=+-*/^@:,|> \n019"), "unmatched-bracket"],
  ["random words in a model", `model m {${noise("abcdef \n")}}`, "too-many-tokens"],
  ["a file of more than a megabyte", " ".repeat(2 * SIZE), "file-too-large"],
  ["a long name", modelWith(`let ${"a".repeat(SIZE)} = 1`), "token-too-long"],
  ["a long number", rate("1".repeat(SIZE)), "token-too-long"],
  ["a long list", rate(`[${"1,".repeat(SIZE / 3)}]`), "too-many-tokens"],
  ["a long sum", rate(`1${"+1".repeat(SIZE / 3)}`), "expression-too-long"],
  ["many signs", rate(`${"-".repeat(SIZE / 3)}1`), "expression-too-long"],
  ["many calls", net(`relu${"()".repeat(SIZE / 3)}`), "expression-too-long"],
  ["many members", net(`image${".shape".repeat(SIZE / 7)}`), "expression-too-long"],
  ["deep parentheses", rate(`${"(".repeat(SIZE / 3)}1${")".repeat(SIZE / 3)}`), "nested-too-deeply"],
  ["deep braces", `model m { net ${"{".repeat(SIZE)}`, "nested-too-deeply"],
  ["deep conditions", rate(`${"true ? ".repeat(99)}1${": 2".repeat(99)}`), "nested-too-deeply"],
  ["deep if", rate(`${"if true then ".repeat(99)}1${" else 2".repeat(99)}`), "nested-too-deeply"],
  ["many layers written out", net("relu\n".repeat(SIZE / 10)), "too-many-tokens"],
  ["repeats in repeats", net("repeat 1000 { repeat 1000 { repeat 1000 { relu } } }"), "too-much-work"],
  ["a million layers", net("repeat 1000 { repeat 1000 { linear(4) } }"), "too-much-work"],
  ["self-application", `${net("w(w)")}fn w(g) = g(g)\n`, "calls-too-deep"],
  [
    "a tower of layers",
    `${net("f0")}${many(900, (i) => `layer f${i} = in |> f${i + 1}`)}\nlayer f900 = in\n`,
    "calls-too-deep",
  ],
  [
    "doubling functions",
    `${net("f0")}${many(40, (i) => `fn f${i}(x) = f${i + 1}(x) + f${i + 1}(x)`)}\nfn f40(x) = x\n`,
    "too-much-work",
  ],
  ["doubling lists", modelWith(`let a0 = [1]\n${many(60, (i) => `let a${i + 1} = [a${i}, a${i}]`)}`), "nested-list"],
  ["empty repeats", net("repeat 1000 { repeat 1000 { repeat 1000 { } } }"), "too-much-work"],
  [
    "layers that double",
    `${net("f0")}${many(30, (i) => `layer f${i} { f${i + 1}; f${i + 1} }`)}\nlayer f30 = in\n`,
    "too-much-work",
  ],
  [
    "shared layers that double",
    `${net(`${"s(".repeat(30)}relu${")".repeat(30)}`)}layer s(f) { share g = f; g; g }\n`,
    "too-much-work",
  ],
  [
    "functions of functions that double",
    `${net("g40")}fn both(x, a, b) = a(b(x))\nlet g0 = relu\n${many(40, (i) => `let g${i + 1} = both(a = g${i}, b = g${i})`)}\n`,
    "too-much-work",
  ],
  [
    "groups of misspelt parameters of a large net",
    modelWith(
      `net { flatten; repeat 1000 { linear(4) }; fc: linear(10) }\noptimizer sgd(lr = 0.1) {\n${many(300, (i) => `"*x${i}*": frozen`)}\n}`,
    ),
    "unmatched-pattern",
  ],
  ["a list of 10^9", modelWith("let a = ntuple(1, 10^9)"), "wrong-argument"],
  ["a range of 10^9", modelWith("let a = range(10^9)"), "wrong-argument"],
  [
    "joined lists that double",
    modelWith(`let a0 = [1]\n${many(60, (i) => `let a${i + 1} = join(a${i}, a${i})`)}`),
    "wrong-argument",
  ],
  ["long lists again and again", net("repeat 1000 { repeat 290 { let a = range(10000) } }"), "too-much-work"],
  ["10^6 parts of a tensor", modelWith("input big: f32[1000000]\nloss mean(split(big, 1)[0])"), "wrong-argument"],
  ["5000 axes", net("reshape(in, join([n], join(ntuple(1, 5000), [3, 8, 8])))"), "too-many-axes"],
  ["300 axes in a type", `${net("f")}fn f(x: f32[${"a, ".repeat(300)}]) = x\n`, "shape-type"],
  ["10^9 classes of every label", modelWith("loss mean(one_hot(label, 10^9)) + mean(net)"), "too-large"],
  ["a tower of powers", modelWith("train { epochs = 10 ^ 10 ^ 10 }"), "number-out-of-range"],
  ["10^12 features", net("linear(10^12)"), "too-large"],
  ["a kernel of 10^12", modelWith("net { conv2d(1, kernel = 10^12); flatten; fc: linear(10) }"), "too-large"],
  ["a batch of 10^12", modelWith("train { batch = 10^12 }"), "bad-setting"],
  ["an infinite size", net("linear(1 / 0)"), "wrong-argument"],
  ["a size that is no number", net("linear(0 / 0)"), "wrong-argument"],
];

/** Each of `count` files imports the next one, and the last nothing; all but the first have `text`. */
const chain = (count: number, text: (i: number) => string): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `f${i}.model`,
      `${i + 1 < count ? `import "f${i + 1}.model"\n` : ""}${text(i)}`,
    ]),
  );
const importing = `import "f0.model"\n${modelWith("")}`;

const refusedImports: readonly (readonly [name: string, files: Record<string, string>, code: string])[] = [
  ["a thousand files", chain(1000, (i) => `layer l${i} = in`), "too-many-imports"],
  [
    "files that import each other's imports",
    Object.fromEntries(
      many(60, (i) => `f${i}.model`)
        .split("\n")
        .map((name, i) => [name, many(60 - i - 1, (k) => `import "f${i + k + 1}.model"`)]),
    ),
    "too-many-imports",
  ],
  ["files of many words", chain(10, (i) => many(1500, (k) => `let a${i}_${k} = ${k}`)), "imports-too-large"],
  ["large files", chain(10, () => `// ${"x".repeat(200_000)}`), "imports-too-large"],
  ["a circle of files", { ...chain(40, () => ""), "f39.model": 'import "f0.model"' }, "import-cycle"],
];

it.each(refusedImports)("imports: %s", (_, files, code) => {
  const { diagnostics } = check(importing, {}, "input.model", files);
  expect(diagnostics.map((d) => d.code)).toEqual([code]);
  expect(diagnostics[0].span).not.toBeNull();
  expect(renderDiagnostic(diagnostics[0]).length).toBeLessThan(10_000);
});

it.each(refused)("%s", (_, text, code) => {
  const { diagnostics } = check(text);
  expect(diagnostics.map((d) => d.code)).toContain(code);
  expect(diagnostics.length).toBeLessThanOrEqual(31);
  for (const d of diagnostics) {
    expect(d.span).not.toBeNull();
    expect(renderDiagnostic(d).length).toBeLessThan(5000);
  }
});

it.each([
  ["parameters", "net { flatten; fc1: linear(30000); fc2: linear(30000); fc3: linear(10) }", /GiB {2}param fc2.weight/],
  ["inputs", "input image: f32[3000000]\nnet { fc: linear(10) }\ntrain { batch = 700 }", /GiB {2}input image/],
  [
    "what threads hold",
    "net { conv2d(4, kernel = 3, dilation = 2^30, padding = 2^30); flatten; fc: linear(10) }",
    /GiB {2}relayout f32\[n, 3, 8, 8\], for \d+ threads/,
  ],
])("a model whose %s need more than 4 GiB is refused with what takes the space", (_, clauses, most) => {
  const error = (() => {
    try {
      compile(modelWith(clauses));
    } catch (e) {
      return e as CompileError;
    }
  })();
  const [diagnostic] = error!.diagnostics;
  expect(diagnostic.code).toBe("model-too-large");
  expect(diagnostic.notes.map((note) => note.message)).toContainEqual(expect.stringMatching(most));
  expect(diagnostic.notes.map((note) => note.message)).not.toContainEqual(expect.stringContaining(" 0.0 MiB"));
});

it.each([
  ["a megabyte of comment", `${modelWith("")}// ${"x".repeat(SIZE)}`],
  ["a megabyte of blanks", modelWith(" ".repeat(SIZE))],
  ["parentheses as deep as may be", rate(`${"(".repeat(37)}0.1${")".repeat(37)}`)],
  ["a sum as long as may be", rate(`0.1${"+0".repeat(240)}`)],
  ["a thousand steps", net("repeat 1000 { relu }")],
  ["names as long as may be, many times", `${many(200, (i) => `let ${"a".repeat(990)}${i} = 1`)}\n${modelWith("")}`],
])("%s is a model", (_, text) => {
  expect(check(text).diagnostics.filter((d) => d.severity === "error")).toEqual([]);
});

it("compiles a net of 900 layers", () => {
  const source = `model deep {
  input  x: f32[6]
  target y: f32[3]
  net { repeat 900 { linear(6); tanh }; linear(3) }
  loss mse(net, y)
  optimizer sgd(lr = 1e-3)
  train { batch = 8 }
}`;
  expect(compile(source).manifest.tensors).toHaveLength(2 * 901);
});
