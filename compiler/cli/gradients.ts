/** What `mlc check --grad` reports: a line for each definition, with the element that is furthest off. */
import { place, position, type Span } from "../diagnostics.ts";
import { figure, type GradientCheck, type GradientReport, type VariableCheck } from "../gradients/check.ts";
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
  const lines = [
    ...variables.map(variableText),
    ...skipped.map((variable) => `${variable.name}: skipped: ${variable.reason}`),
  ];
  return `${span ? place(span) : name}: ${title}${applied}${draws}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function variableText({ name, compared, kinks, worst }: VariableCheck): string {
  const near = kinks > 0 ? `, ${kinks} left out near kinks` : "";
  if (worst === null) return `${name}: nothing to compare${near}`;
  const { verdict, index, gradient, difference } = worst;
  const at = index.length === 0 ? "" : ` at [${index.join(", ")}]`;
  const elements = `${compared} element${compared === 1 ? "" : "s"}`;
  const figures = `gradient ${figure(gradient)}, differences ${figure(difference)}`;
  return `${name}: ${verdict} (${elements}${near}; worst${at}: ${figures})`;
}
