/** What `mlc check --grad` reports: a table for each definition, with a row for each of its operands and parameters. */
import { place, position, type Span } from "../diagnostics.ts";
import {
  elementText,
  figure,
  type GradientCheck,
  type GradientReport,
  type VariableCheck,
} from "../gradients/check.ts";
import type { Io } from "./io.ts";
import { jsonLine } from "./training/events.ts";

export function writeGradients({ checks, skipped }: GradientReport, io: Io, json: boolean): void {
  for (const check of checks) io.stdout.write(json ? jsonLine(checkJson(check)) : checkText(check));
  for (const { name, reason, span } of skipped) {
    if (json) io.stdout.write(jsonLine({ event: "gradient-skipped", name, reason, place: placeJson(span) }));
    else io.stdout.write(`${span ? place(span) : name}: ${name} is skipped: ${reason}\n`);
  }
}

function checkJson({ name, sort, span, call, variables, skipped, random }: GradientCheck): object {
  const agrees = variables.every(({ worst }) => worst?.verdict !== "differs");
  return {
    event: "gradient",
    name,
    sort,
    agrees,
    place: placeJson(span),
    call: placeJson(call),
    variables,
    skipped,
    random,
  };
}

function placeJson(span: Span | null): object | null {
  return span && { file: span.file.name, ...position(span.file, span.start) };
}

function checkText({ name, sort, span, call, variables, skipped, random }: GradientCheck): string {
  const title = sort === "model" ? "the loss" : `${sort} ${name}`;
  const applied = call ? `, applied at ${place(call)}` : "";
  const draws = random ? ", with its random numbers held" : "";
  const rows = [
    ["", "elements", "gradient", "differences", ""],
    ...variables.map(rowOf),
    ...skipped.map((variable) => [variable.name, "", "", "", `skipped: ${variable.reason}`]),
  ];
  return `${span ? place(span) : name}: ${title}${applied}${draws}\n${table(rows)}`;
}

function rowOf({ name, compared, kinks, worst }: VariableCheck): string[] {
  const near = kinks > 0 ? ` (${kinks} left out near kinks)` : "";
  if (worst === null) return [name, "0", "", "", `nothing to compare${near}`];
  const { verdict, at, gradient, difference } = worst;
  const place = verdict === "differs" && at !== null ? ` at ${elementText(at)}` : "";
  return [name, String(compared), figure(gradient), figure(difference), `${verdict}${place}${near}`];
}

/** The first column and the last begin alike, figures end alike. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const cells = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 || i === row.length - 1 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
  return rows.map((row) => `  ${cells(row).join("  ").trimEnd()}\n`).join("");
}
