/** What an evaluation found, as people and programs read it. */
import type { Evaluation, Manifest, Values } from "../../runtime/index.ts";
import { figure, metricText } from "./text.ts";

type Nested = number | readonly Nested[];

/** The metrics that are single numbers, the loss among them. */
export function scalarMetrics({ n: _, ...metrics }: Evaluation): [name: string, value: number][] {
  return Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === "number");
}

/** `loss 1.2345`, `accuracy 57.12%`, … */
export function scalarTexts(evaluation: Evaluation): string[] {
  return scalarMetrics(evaluation).map(([name, value]) => metricText(name, value));
}

/** For JSON: tensors as lists of lists. */
export function plainEvaluation(manifest: Manifest, evaluation: Evaluation) {
  const nested = manifest.programs.summary.results.map(({ name, shape }) => [
    name,
    typeof evaluation[name] === "number" ? evaluation[name] : lists([...evaluation[name]], shape as readonly number[]),
  ]);
  return { ...(Object.fromEntries(nested) as { loss: number; [metric: string]: Nested }), n: evaluation.n };
}

function lists(values: readonly number[], [size, ...rest]: readonly number[]): Nested {
  if (rest.length === 0) return values;
  const each = values.length / size;
  return Array.from({ length: size }, (_, i) => lists(values.slice(i * each, (i + 1) * each), rest));
}

/** Metrics that are more than a number: vectors of one length side by side, and each matrix of a tensor by itself. */
export function metricTables(manifest: Manifest, evaluation: Evaluation, classes: readonly string[] = []): string {
  const tensors = manifest.programs.summary.results.filter(({ shape }) => shape.length > 0);
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
  const rows = (count: number) =>
    numbers(count).map((number) => (classes.length === count ? `${number} ${classes[Number(number)]}` : number));
  const lengths = new Set(tensors.filter(({ shape }) => shape.length === 1).map(({ shape }) => shape[0] as number));
  const vectors = [...lengths].map((length) => {
    const columns = tensors.filter(({ shape }) => shape.length === 1 && shape[0] === length).map(({ name }) => name);
    const cells = columns.map((name) => texts(evaluation[name] as Values));
    return table(["", ...columns], rows(length), cells);
  });
  const matrices = tensors
    .filter(({ shape }) => shape.length > 1)
    .flatMap(({ name, shape }) => {
      const [height, width] = shape.slice(-2) as number[];
      const all = texts(evaluation[name] as Values);
      const count = all.length / (height * width);
      return Array.from({ length: count }, (_, m) => {
        const cell = (row: number, column: number) => all[(m * height + row) * width + column];
        const columns = numbers(width).map((_, column) => numbers(height).map((_, row) => cell(row, column)));
        const title = count === 1 ? name : `${name} ${m}`;
        return table([title, ...numbers(width)], rows(height), columns);
      });
    });
  return [...vectors, ...matrices].map((text) => `\n${text}`).join("");
}

/** Counts as they are, other figures with four decimals. */
function texts(values: Values): string[] {
  const whole = values.every((value) => Number.isInteger(value));
  return Array.from(values, (value) => (whole ? String(value) : figure(value)));
}

function table(head: readonly string[], rows: readonly string[], columns: readonly (readonly string[])[]): string {
  const all = [rows, ...columns].map((cells, i) => [head[i], ...cells]);
  const widths = all.map((cells) => Math.max(...cells.map(({ length }) => length)));
  const pad = (text: string, i: number) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]));
  const lines = all[0].map((_, row) => all.map((cells, i) => pad(cells[row], i)).join("  "));
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}
