/** Words for syntax errors: what the grammar would have taken, in terms that people use. */
import { type Diagnostic, nearest, type SourceFile } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { Token } from "./scan.ts";

const EXPRESSION = new Set(["a name", "a number", "a text", ..."( [ { - ± not true false if repeat".split(" ")]);
const CONTINUATION = new Set(["an operator", "an assignment", ..."( [ . ? : |> , = + - * / @ ^".split(" ")]);
const STATEMENT = new Set("let share output param buffer state update assert".split(" "));
const CLAUSE = new Set("input target net loss metric optimizer data train layer fn schedule init".split(" "));
const SHOWN = 5;
/** What other languages call our items. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["func", "fn"],
  ["function", "fn"],
  ["def", "fn"],
  ["class", "layer"],
  ["module", "layer"],
  ["network", "model"],
  ["include", "import"],
  ["use", "import"],
  ["from", "import"],
  ["const", "let"],
  ["var", "let"],
]);

/** `fault` is the token that the grammar could not go on with, `expected` what ohm says it would have taken there. */
export function syntaxError(
  file: SourceFile,
  tokens: readonly Token[],
  fault: number,
  expected: readonly string[],
): Diagnostic {
  const token = tokens[fault] as Token | undefined;
  const wanted = describe(new Set(expected.map((e) => e.replace(/^"(.*)"$/, "$1"))));
  const found = token === undefined ? "the end" : describeToken(token);
  const span = token
    ? { file, start: token.start, end: Math.max(token.end, token.start + 1) }
    : { file, start: Math.max(0, file.text.trimEnd().length - 1), end: file.text.trimEnd().length };
  return errors.syntaxError({ expected: wanted, found }, span, { help: cureOf(token, tokens[fault - 1], expected) });
}

/** Slips that have a cure of their own. */
function cureOf(
  token: Token | undefined,
  previous: Token | undefined,
  expected: readonly string[],
): string | undefined {
  if (token?.text === "|>" && expected.includes('":"')) return "put the pipe in parentheses: `c ? (x |> f) : x`";
  if (token?.text === "import") return "imports stand at the top of the file, outside of the model";
  if (token?.text === "*" && previous?.text === "*") return "the power is `^`";
  if (token?.text === "|" && previous?.text === "|") return "write `or`";
  if (token?.text === "=" && expected.includes("an operator")) return "`==` compares; `=` names a value or an argument";
  return undefined;
}

export function unknownItem(file: SourceFile, token: Token): Diagnostic {
  const words = ["import", "model", "let", "assert", "layer", "fn", "loss", "optimizer", "metric", "schedule", "init"];
  const guess = ELSEWHERE.get(token.text) ?? (token.kind === "word" ? nearest(token.text, words) : null);
  const span = { file, start: token.start, end: Math.max(token.end, token.start + 1) };
  const help = guess === null ? undefined : `did you mean \`${guess}\`?`;
  return errors.unknownItem({ found: describeToken(token) }, span, { help });
}

function describeToken(token: Token): string {
  if (token.kind === "separator") return token.end > token.start ? "`;`" : "the end of the line";
  const text = token.text.length > 30 ? `${token.text.slice(0, 30)}…` : token.text;
  return token.kind === "string" ? `the text ${text}` : `\`${text}\``;
}

function describe(expected: Set<string>): string {
  const words: string[] = [];
  const take = (group: ReadonlySet<string>, mark: string, name: string): void => {
    if (!expected.has(mark)) return;
    for (const e of group) expected.delete(e);
    words.push(name);
  };
  // A step may have a number for its label; that is no help here.
  expected.delete("a digit");
  take(CLAUSE, "net", "a clause of the model (`input`, `target`, `net`, `loss`, `optimizer`, `data`, `train`, …)");
  take(STATEMENT, "update", "a statement");
  take(EXPRESSION, "a number", words.length > 0 ? "a layer" : "an expression");
  if (expected.has("an operator")) {
    for (const e of CONTINUATION) expected.delete(e);
    if (expected.size === 0) words.push("an operator");
  }
  const separator = expected.delete(";");
  for (const e of expected) words.push(/^(a|an|the) /.test(e) ? e : `\`${e}\``);
  if (separator) words.push("a new line");
  const shown = words.slice(0, SHOWN);
  if (shown.length === 0) return "the end";
  return shown.length === 1 ? shown[0] : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}
