/** Source places and diagnostics: what is wrong, where, and how to mend it. */

export interface SourceFile {
  /** The name shown to people: a path, or `std/losses.model`. */
  readonly name: string;
  readonly text: string;
}

/** Half-open range of UTF-16 offsets in a file. */
export interface Span {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
}

export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** Stable name of the message, from the catalogue, such as `unknown-name`. */
  readonly code: string;
  readonly message: string;
  readonly span: Span | null;
  /** Further places or facts: the chain of shapes, the signature, the earlier definition. */
  readonly notes: readonly { readonly message: string; readonly span: Span | null }[];
  /** The cure, in one sentence, where there is one. */
  readonly help?: string;
}

/** Ends a phase: carries one or more diagnostics to the caller of `compile`. */
export class CompileError extends Error {
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => `${d.code}: ${d.message}`).join("\n"));
    this.name = "CompileError";
  }
}

/** Thrown by an operation's shape rule; the elaborator adds the place. */
export class ShapeError extends Error {
  constructor(
    message: string,
    readonly help?: string,
  ) {
    super(message);
    this.name = "ShapeError";
  }
}

/** 1-based line and column of an offset. */
export function position(file: SourceFile, offset: number): { line: number; column: number } {
  const before = file.text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}

/** `file:line:column` */
export function place(span: Span): string {
  const { line, column } = position(span.file, span.start);
  return `${span.file.name}:${line}:${column}`;
}

/** Nobody mistypes a longer name; comparing such takes long. */
const MAX_WORD = 64;

/**
 * The candidate that is most likely meant: the fewest edits away, and no more than a third of the letters; else one that the
 * word begins, or whose initials it is (`lr`, `learning_rate`).
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > MAX_WORD) return null;
  const known = [...candidates].filter((candidate) => candidate.length <= MAX_WORD);
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && distance < word.length && distance < least) [best, least] = [candidate, distance];
  }
  const abbreviates = (short: string, long: string): boolean =>
    short.length >= 2 && long !== short && (long.startsWith(short) || initials(long) === short);
  return best ?? known.find((c) => abbreviates(word, c) || abbreviates(c, word)) ?? null;
}

const initials = (name: string): string =>
  name
    .split("_")
    .map((part) => part[0])
    .join("");

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
