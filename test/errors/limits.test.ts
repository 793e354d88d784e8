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
  ["random bytes", noise(bytes), "stray-character"],
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
  ["10^12 features", net("linear(10^12)"), "too-large"],
  ["a kernel of 10^12", modelWith("net { conv2d(1, kernel = 10^12); flatten; fc: linear(10) }"), "too-large"],
  ["a batch of 10^12", modelWith("train { batch = 10^12 }"), "bad-setting"],
  ["an infinite size", net("linear(1 / 0)"), "wrong-argument"],
  ["a size that is no number", net("linear(0 / 0)"), "wrong-argument"],
];

it.each(refused)("%s", (_, text, code) => {
  const { diagnostics } = check(text);
  expect(diagnostics.map((d) => d.code)).toContain(code);
  expect(diagnostics.length).toBeLessThanOrEqual(31);
  for (const d of diagnostics) {
    expect(d.span).not.toBeNull();
    expect(renderDiagnostic(d).length).toBeLessThan(5000);
  }
});

it("a model that needs more than 4 GiB is refused with what takes the space", () => {
  const text = modelWith("net { flatten; fc1: linear(30000); fc2: linear(30000); fc3: linear(10) }");
  const error = (() => {
    try {
      compile(text);
    } catch (e) {
      return e as CompileError;
    }
  })();
  const [diagnostic] = error!.diagnostics;
  expect(diagnostic.code).toBe("model-too-large");
  expect(diagnostic.notes.map((note) => note.message)).toContainEqual(expect.stringContaining("fc2.weight"));
});

it.each([
  ["a megabyte of comment", `${modelWith("")}// ${"x".repeat(SIZE)}`],
  ["a megabyte of blanks", modelWith(" ".repeat(SIZE))],
  ["parentheses as deep as may be", rate(`${"(".repeat(37)}0.1${")".repeat(37)}`)],
  ["a sum as long as may be", rate(`0.1${"+0".repeat(240)}`)],
  ["a thousand steps", net("repeat 1000 { relu }")],
])("%s is a model", (_, text) => {
  expect(check(text).diagnostics).toEqual([]);
});
