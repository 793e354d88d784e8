/** Words for syntax errors: what the grammar would have taken, in terms that people use. */
import { type Diagnostic, nearest, type SourceFile } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { Token } from "./scan.ts";

const EXPRESSION = new Set(["a name", "a number", "a text", ..."( [ { - ± not true false if repeat".split(" ")]);
const CONTINUATION = new Set(["an operator", "an assignment", ..."( [ . ? : |> = + - * / @ ^".split(" ")]);
const STATEMENT = new Set("let share output param buffer state update assert".split(" "));
const CLAUSE = new Set("input target net loss metric optimizer data train layer fn schedule init".split(" "));
/** What begins a step. */
const STEP = ["repeat", "if"];
const A_CLAUSE = "a clause of the model (`input`, `target`, `net`, `loss`, `optimizer`, `data`, `train`, …)";
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
  const wanted = describe(new Set(expected.map((e) => e.replace(/^"(.*)"$/, "$1")))) ?? partAt(tokens, fault);
  const found = token === undefined ? "the end" : describeToken(token);
  const span = token
    ? { file, start: token.start, end: Math.max(token.end, token.start + 1) }
    : { file, start: Math.max(0, file.text.trimEnd().length - 1), end: file.text.trimEnd().length };
  const cure = token && (cureOf(token, tokens[fault - 1], expected) ?? misspelt(tokens, fault, expected));
  return errors.syntaxError({ expected: wanted, found }, span, { help: cure });
}

/** Slips that have a cure of their own. */
function cureOf(token: Token, previous: Token | undefined, expected: readonly string[]): string | undefined {
  const { text, kind } = token;
  const closes = expected.includes('")"');
  const separates = expected.includes('","');
  if (text === "|>" && expected.includes('":"')) return "put the pipe in parentheses: `c ? (x |> f) : x`";
  if (text === "import") return "imports stand at the top of the file, outside of the model";
  if (text === "*" && previous?.text === "*") return "the power is `^`";
  if (text === "|" && previous?.text === "|") return "write `or`";
  if (text === ":" && closes && previous?.kind === "word") return "arguments are written `name = value`";
  if (text === "," && closes && !separates && previous && !"(,".includes(previous.text))
    return "lists are written `[a, b]`";
  if (kind === "separator" && closes) return "what stands in brackets is separated by commas";
  if (previous?.text === "for" || previous?.text === "while")
    return "what is done several times is written `repeat k as i { … }`";
  if (previous?.text === "return") return "the last line of a body is its value: leave out `return`";
  if (text === "=" && expected.includes("an operator")) return "`==` compares; `=` names a value or an argument";
  const begins = kind === "word" || kind === "number" || kind === "string" || text === "[";
  return begins && separates && expected.includes("an operator") ? "a comma may be missing before it" : undefined;
}

/** A word at fault, or the one before it that begins a statement, may be a misspelt word of the grammar. */
function misspelt(tokens: readonly Token[], fault: number, expected: readonly string[]): string | undefined {
  const guess = (word: Token, known: readonly string[]): string | undefined => {
    const nearby = word.kind === "word" && word.text.length > 2 ? nearest(word.text, known) : null;
    return nearby === null || nearby === word.text ? undefined : `did you mean \`${nearby}\`?`;
  };
  const words = expected.flatMap((e) => /^"([a-z]+)"$/.exec(e)?.[1] ?? []);
  const known = isInModel(tokens, fault) ? [...CLAUSE, "let", "assert"] : [...STATEMENT, ...STEP];
  const begins = (at: number): boolean =>
    at > 0 && (tokens[at - 1].kind === "separator" || "{}".includes(tokens[at - 1].text));
  const first = begins(fault) ? fault : begins(fault - 1) ? fault - 1 : null;
  return guess(tokens[fault], words) ?? (first === null ? undefined : guess(tokens[first], known));
}

const partAt = (tokens: readonly Token[], at: number): string => (isInModel(tokens, at) ? A_CLAUSE : "a statement");

/** Whether a token stands among the clauses of a model. */
function isInModel(tokens: readonly Token[], at: number): boolean {
  if (tokens[at]?.braces !== 1) return false;
  let item = at;
  while (item > 0 && tokens[item].braces > 0) item--;
  while (item > 0 && tokens[item - 1].kind !== "separator" && tokens[item - 1].text !== "}") item--;
  return tokens[item].text === "model";
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

function describe(expected: Set<string>): string | null {
  const words: string[] = [];
  const take = (group: ReadonlySet<string>, mark: string, name: string): void => {
    if (!expected.has(mark)) return;
    for (const e of group) expected.delete(e);
    words.push(name);
  };
  // A step may have a number for its label; that is no help here, nor is that a word goes on.
  expected.delete("a digit");
  for (const e of expected) if (e.startsWith("not ") && e !== "not") expected.delete(e);
  take(CLAUSE, "net", A_CLAUSE);
  take(STATEMENT, "update", "a statement");
  take(EXPRESSION, "a number", words.length > 0 ? "a layer" : "an expression");
  if (expected.has("an operator")) {
    for (const e of CONTINUATION) expected.delete(e);
    if (expected.size === 0) words.push("an operator");
  }
  const separator = expected.delete(";");
  if (expected.delete("end of input")) words.push("the end");
  for (const e of expected) words.push(/^(a|an|the) /.test(e) ? e : `\`${e}\``);
  if (separator) words.push("a new line");
  const shown = words.slice(0, SHOWN);
  if (shown.length === 0) return null;
  return shown.length === 1 ? shown[0] : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}
