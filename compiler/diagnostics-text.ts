/** Diagnostics as people and tools read them: a frame of the source with carets, or JSON. */
import { type Diagnostic, place, position, type Span } from "./diagnostics.ts";

/** Columns of source shown; longer lines are cut around the place. */
const WIDTH = 120;

export interface RenderOptions {
  /** ANSI colours. */
  readonly color?: boolean;
}

/**
 * ```
 * error[unknown-name]: unknown layer or function `conv2`
 *   --> cifar_net.model:6:12
 *    |
 *  6 |     conv1: conv2(32, kernel = 5)
 *    |            ^^^^^
 *    = help: did you mean `conv2d`?
 * ```
 */
export function renderDiagnostic(d: Diagnostic, { color = false }: RenderOptions = {}): string {
  const paint = (code: string, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const tone = d.severity === "error" ? "31;1" : "33;1";
  const lines = [`${paint(tone, `${d.severity}[${d.code}]`)}${paint("1", `: ${printable(d.message)}`)}`];
  const gutter = d.span ? String(position(d.span.file, d.span.start).line).length : 1;
  if (d.span) lines.push(...frame(d.span, gutter, paint, tone));
  const margin = " ".repeat(gutter + 1);
  for (const note of d.notes) {
    const at = note.span ? ` (${printable(place(note.span))})` : "";
    lines.push(`${margin} ${paint("34", "=")} ${paint("1", "note")}: ${printable(note.message)}${at}`);
  }
  if (d.help !== undefined) lines.push(`${margin} ${paint("34", "=")} ${paint("36;1", "help")}: ${printable(d.help)}`);
  return lines.join("\n");
}

type Paint = (code: string, text: string) => string;

function frame(span: Span, gutter: number, paint: Paint, tone: string): string[] {
  const { line, column } = position(span.file, span.start);
  const { text } = span.file;
  const lineStart = span.start - (column - 1);
  const lineEnd = text.indexOf("\n", lineStart);
  const source = text.slice(lineStart, lineEnd === -1 ? text.length : lineEnd).replace(/\r$/, "");
  // A long line is cut so that the place is in view.
  const from = column - 1 > WIDTH - 20 ? column - 1 - 20 : 0;
  const shown = source.slice(from, from + WIDTH);
  const before = from > 0 ? "…" : "";
  const after = from + WIDTH < source.length ? "…" : "";
  const start = column - 1 - from + before.length;
  const last = Math.min(span.end - lineStart, source.length, from + WIDTH);
  const carets = Math.max(1, last - (column - 1));
  const bar = paint("34", "|");
  const margin = " ".repeat(gutter);
  return [
    `${margin} ${paint("34", "-->")} ${printable(place(span))}`,
    `${margin}  ${bar}`,
    ` ${paint("34", String(line))} ${bar} ${before}${printable(shown)}${after}`,
    `${margin}  ${bar} ${" ".repeat(start)}${paint(tone, "^".repeat(carets))}`,
  ];
}

/** Control characters would steer the terminal; tabs would shift the carets. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.replace(/\t/g, " ").replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "�");
}

export interface DiagnosticJson {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly message: string;
  readonly place: PlaceJson | null;
  readonly notes: readonly { readonly message: string; readonly place: PlaceJson | null }[];
  readonly help: string | null;
}

/** Lines and columns from 1; the end is that of the character after the last one. */
export interface PlaceJson {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export function diagnosticJson(d: Diagnostic): DiagnosticJson {
  return {
    severity: d.severity,
    code: d.code,
    message: d.message,
    place: placeJson(d.span),
    notes: d.notes.map(({ message, span }) => ({ message, place: placeJson(span) })),
    help: d.help ?? null,
  };
}

function placeJson(span: Span | null): PlaceJson | null {
  if (span === null) return null;
  const start = position(span.file, span.start);
  const end = position(span.file, span.end);
  return { file: span.file.name, ...start, endLine: end.line, endColumn: end.column };
}
