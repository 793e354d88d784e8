/** Logarithms and roots in the user's own formulas of what can be 0, where no rule of the compiler has made them stable. */
import type { Diagnostic } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { type Module, topological, type Value } from "../ir/graph.ts";

/** What is said of an operation of an operand that can be 0. */
const FORMS: Readonly<Record<string, { readonly result: string; readonly help: string }>> = {
  log: {
    result: "−∞",
    help: "take `log_softmax` or `log_sigmoid` of the logits, or add a small number: `log(p + 1e-8)`",
  },
  sqrt: { result: "0 with an infinite gradient", help: "add a small number: `sqrt(x + 1e-12)`" },
};

/** The module is simplified: `log(softmax(x))` and its like are stable by now. */
export function unstableForms({ programs }: Module): readonly Diagnostic[] {
  const loss = programs[0].results.map(({ value }) => value);
  return topological(loss).flatMap(({ op, inputs, span }) => {
    const form = FORMS[op];
    const operand = form && span && isWritten(op, span.file.text.slice(span.start, span.end)) && vanishing(inputs[0]);
    return operand ? [errors.unstableForm({ op, operand, result: form.result }, span, { help: form.help })] : [];
  });
}

/** Whether this text is the operation itself: what the library computes stands at the place of its own call. */
const isWritten = (op: string, text: string): boolean => new RegExp(`^${op}\\b|\\^`).test(text);

/** How what can be 0 is called: it underflows, or all that it adds up can be 0. Null for what is not known to be so. */
function vanishing({ op, inputs }: Value): string | null {
  if (NAMES[op] !== undefined) return NAMES[op];
  if (PASSING.has(op)) return vanishing(inputs[0]);
  if (op === "mul") return inputs[0] === inputs[1] ? "a square" : (vanishing(inputs[0]) ?? vanishing(inputs[1]));
  if (op === "div") return vanishing(inputs[0]);
  if (op === "sum") return sumOf(vanishing(inputs[0]));
  if (op !== "add") return null;
  const [first, second] = inputs.map(vanishing);
  return second && first;
}

const sumOf = (name: string | null): string | null => (name === "a square" ? "a sum of squares" : name);

const NAMES: Readonly<Record<string, string | undefined>> = {
  softmax: "a probability of `softmax`",
  sigmoid: "a probability of `sigmoid`",
  abs: "an absolute value",
};

const PASSING: ReadonlySet<string> = new Set(["reshape", "transpose", "broadcast", "slice", "reverse", "sqrt", "max"]);
