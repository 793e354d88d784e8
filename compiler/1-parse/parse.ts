/** `parse(file)`: text to syntax tree. Several syntax errors are found in one run: the statement at fault is skipped. */
import { CompileError, type Diagnostic, type SourceFile } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { Grammar } from "./grammar.ts";
import { type Scan, scan, type Token } from "./scan.ts";
import type { Expr, Item, SyntaxTree } from "./syntax.ts";
import { syntaxError, unknownItem } from "./syntax-errors.ts";

export const MAX_FILE_SIZE = 1 << 20;
/** What a byte that is no UTF-8 is read as, and what programs and pictures are full of. */
const NOT_TEXT = /[\0\ufffd]/;
const MAX_ERRORS = 10;
/** Tokens matched in search of further errors in an item; a long item gets fewer tries. */
const RETRY_TOKENS = 10_000;
const SORTS: readonly string[] = ["layer", "fn", "loss", "optimizer", "metric", "schedule", "init"];

const GRAMMAR = new Grammar();

/** One file, whose imports are not read. Throws CompileError with every error found. */
export function parse(file: SourceFile): SyntaxTree {
  return parseScanned(file, scanOrThrow(file));
}

export function parseScanned(file: SourceFile, scanned: Scan): SyntaxTree {
  const diagnostics: Diagnostic[] = [];
  const items: Item[] = [];
  for (const range of scanned.items) {
    if (diagnostics.length >= MAX_ERRORS) break;
    const item = parseItem(file, scanned, range, diagnostics);
    if (item) items.push(item);
  }
  if (diagnostics.length > 0) throw new CompileError(diagnostics);
  return { file, items, imports: new Map() };
}

/** The expression from offset `from` on, such as the value in `optimizer.lr=one_cycle(0.1)`. */
export function parseExpression(file: SourceFile, from: number): Expr {
  const scanned = scanOrThrow(file);
  const match = GRAMMAR.match(file, scanned.masked.slice(from), from, "Expr");
  if (match.ok) return match.node as Expr;
  throw new CompileError([syntaxError(file, scanned.tokens, faultAt(scanned, match.offset), match.expected)]);
}

export function scanOrThrow(file: SourceFile): Scan {
  const size = file.text.length;
  if (size > MAX_FILE_SIZE) {
    throw new CompileError([errors.fileTooLarge({ size, limit: MAX_FILE_SIZE }, { file, start: 0, end: 1 })]);
  }
  const noText = file.text.search(NOT_TEXT);
  if (noText >= 0) throw new CompileError([errors.notText({}, { file, start: noText, end: noText + 1 })]);
  const scanned = scan(file);
  if (scanned.diagnostics.length > 0) throw new CompileError(scanned.diagnostics);
  return scanned;
}

/** Matches an item; at an error reports it, blanks the statement at fault and tries again. Null if the item cannot be saved. */
function parseItem(
  file: SourceFile,
  scanned: Scan,
  range: { start: number; end: number },
  diagnostics: Diagnostic[],
): Item | null {
  const first = tokenAt(scanned.tokens, range.start);
  const word = scanned.tokens[first].text;
  if (!["import", "model", "let", "assert", ...SORTS].includes(word)) {
    diagnostics.push(unknownItem(file, scanned.tokens[first]));
    return null;
  }
  let text = scanned.masked.slice(range.start, range.end);
  const tokens = tokenAt(scanned.tokens, range.end - 1) - first + 1;
  for (let tries = 1; diagnostics.length < MAX_ERRORS; tries++) {
    const match = GRAMMAR.match(file, text, range.start, "Item");
    if (match.ok) return withDocs(match.node as Item, scanned.docs);
    const at = faultAt(scanned, match.offset);
    diagnostics.push(syntaxError(file, scanned.tokens, at, match.expected));
    const fault = statementAround(scanned.tokens, at);
    if (fault === null || (tries + 1) * tokens > RETRY_TOKENS) return null;
    const [from, to] = [fault.start - range.start, fault.end - range.start];
    const blanked = text.slice(0, from) + " ".repeat(to - from) + text.slice(to);
    if (blanked === text) return null;
    text = blanked;
  }
  return null;
}

/** The index of the first token that ends after the offset; the last one if there is none. */
export function tokenAt(tokens: readonly Token[], offset: number): number {
  let [low, high] = [0, tokens.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tokens[middle].end > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The index of the token that the grammar could not go on with; as many as there are at the end of the file. */
function faultAt({ masked, tokens }: Scan, offset: number): number {
  // The furthest place may lie before blanks: the error is at the token after them.
  const at = tokens.findIndex((t) => t.end > offset && !(t.kind === "separator" && t.start < offset));
  if (at < 0) return tokens.length;
  // A line end that ends a statement is a separator without length, at the end of the token before.
  return masked[offset] === ";" && tokens[at].start > offset && tokens[at - 1]?.kind === "separator" ? at - 1 : at;
}

/** The statement or clause that holds the token, from separator to separator; null at the top level. */
function statementAround(tokens: readonly Token[], fault: number): { start: number; end: number } | null {
  let at = Math.min(fault, tokens.length - 1);
  while (at > 0 && (tokens[at].kind === "separator" || tokens[at].text === "}")) at--;
  const { braces } = tokens[at];
  if (braces === 0) return null;
  const bounds = (token: Token): boolean =>
    token.braces === braces && (token.kind === "separator" || token.text === "{" || token.text === "}");
  let [first, last] = [at, at];
  while (first > 0 && !bounds(tokens[first - 1])) first--;
  while (last + 1 < tokens.length && !bounds(tokens[last + 1])) last++;
  return { start: tokens[first].start, end: tokens[last].end };
}

function withDocs(item: Item, docs: ReadonlyMap<number, string>): Item {
  const doc = docs.get(item.span.start) ?? "";
  if (item.kind === "let" || item.kind === "assert" || item.kind === "import") return item;
  if (item.kind === "definition") return { ...item, doc };
  const clauses = item.clauses.map((clause) =>
    clause.kind === "definition" ? { ...clause, doc: docs.get(clause.span.start) ?? "" } : clause,
  );
  return { ...item, doc, clauses };
}
