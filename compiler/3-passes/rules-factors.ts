/** Factors of lower rate: combined with each other first, and common ones taken out of sums of two. */

import type { Builder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { constantOf, Rate, type Rule, type RuleContext } from "./rule.ts";
import { sameBroadcast } from "./rules-views.ts";

const NORMAL = "no product or quotient of the factors overflows or underflows";

/** Whether a ∘ b costs less than x ∘ a: both are of lower rate than x, and broadcasts among them are of one kind. */
function combinable(c: RuleContext, x: Value, a: Value, b: Value): boolean {
  if (c.rate(a) >= c.rate(x) || c.rate(b) >= c.rate(x)) return false;
  return c.rate(a) < Rate.broadcast || c.rate(b) < Rate.broadcast || sameBroadcast(a, b);
}

/** (x ∘ a) ∘ b → x ∘ (a ∘ b), for products and quotients. */
function combine({ op, inputs: [product, second] }: Value, c: RuleContext): Value | null {
  if (product.op !== "mul" && product.op !== "div") return null;
  const { b } = c;
  const [x, first] = product.inputs;
  if (!combinable(c, x, first, second)) return null;
  if (product.op === "mul") return b.mul(x, op === "mul" ? b.mul(first, second) : b.div(first, second));
  return op === "mul" ? b.mul(x, b.div(second, first)) : b.div(x, b.mul(first, second));
}

/** (k / h) · c → (k · c) / h, (k / h) / c → (k / c) / h for constants k and c. */
function constantNumerator({ op, inputs: [quotient, factor] }: Value, c: RuleContext): Value | null {
  if (quotient.op !== "div" || c.rate(factor) !== Rate.constant || c.rate(quotient.inputs[0]) !== Rate.constant)
    return null;
  const [k, h] = quotient.inputs;
  return c.b.div(c.b.binary(op, k, factor), h);
}

/** x = part · factor (or part / factor) with a host scalar as factor. */
interface Scaled {
  readonly op: "mul" | "div";
  readonly part: Value;
  readonly factor: Value;
}

function scaled(value: Value, c: RuleContext): Scaled | null {
  if (value.op !== "mul" && value.op !== "div") return null;
  const [part, factor] = value.inputs;
  return c.isHost(factor) && c.rate(factor) < c.rate(part) ? { op: value.op, part, factor } : null;
}

/** x·h ± y·h → (x ± y)·h, x/h ± y/h → (x ± y)/h. */
function commonFactor({ op, inputs: [x, y] }: Value, c: RuleContext): Value | null {
  const [left, right] = [scaled(x, c), scaled(y, c)];
  if (!left || !right || left.op !== right.op || left.factor !== right.factor) return null;
  return c.b.binary(left.op, c.b.binary(op, left.part, right.part), left.factor);
}

/** v = part / divisor with a host scalar, not a constant, as divisor: v is x / h, x · (k / h), or k / h itself. */
function divided(b: Builder, value: Value, c: RuleContext): { part: Value; divisor: Value } | null {
  if (value.op !== "mul" && value.op !== "div") return null;
  const [part, factor] = value.inputs;
  if (c.rate(factor) !== Rate.host) return null;
  if (value.op === "div") return { part, divisor: factor };
  if (factor.op !== "div" || c.rate(factor.inputs[0]) !== Rate.constant) return null;
  return { part: b.mul(part, factor.inputs[0]), divisor: factor.inputs[1] };
}

/** x/h ± y/h → (x ± y)/h, where the summands may also be multiples k/h. */
function commonDivisor({ op, inputs: [x, y] }: Value, c: RuleContext): Value | null {
  const [left, right] = [divided(c.b, x, c), divided(c.b, y, c)];
  if (!left || !right || left.divisor !== right.divisor) return null;
  return c.b.div(c.b.binary(op, left.part, right.part), left.divisor);
}

export const factorRules: readonly Rule[] = [
  {
    name: "combine-factors",
    doc: "(x · a) · b → x · (a · b), (x / a) · b → x · (b / a), (x · a) / b → x · (a / b), (x / a) / b → x / (a · b), for a, b of lower rate than x",
    assumes: NORMAL,
    ops: ["mul", "div"],
    rewrite: combine,
  },
  {
    name: "constant-numerator",
    doc: "(k / h) · c → (k · c) / h, (k / h) / c → (k / c) / h, for constants k and c",
    assumes: NORMAL,
    ops: ["mul", "div"],
    rewrite: constantNumerator,
  },
  {
    name: "mul-reciprocal",
    doc: "x · (1 / y) → x / y",
    assumes: NORMAL,
    ops: ["mul"],
    rewrite({ inputs: [x, y] }, { b }) {
      if (y.op === "div" && constantOf(y.inputs[0]) === 1) return b.div(x, y.inputs[1]);
      return x.op === "div" && constantOf(x.inputs[0]) === 1 ? b.div(y, x.inputs[1]) : null;
    },
  },
  {
    name: "div-reciprocal",
    doc: "x / (1 / y) → x · y",
    assumes: NORMAL,
    ops: ["div"],
    rewrite: ({ inputs: [x, y] }, { b }) =>
      y.op === "div" && constantOf(y.inputs[0]) === 1 ? b.mul(x, y.inputs[1]) : null,
  },
  {
    name: "common-factor",
    doc: "x · h ± y · h → (x ± y) · h, x / h ± y / h → (x ± y) / h, for host scalars h",
    assumes: NORMAL,
    ops: ["add", "sub"],
    rewrite: commonFactor,
  },
  {
    name: "common-divisor",
    doc: "x · (k / h) ± y / h → (x · k ± y) / h, for host scalars h and constants k",
    assumes: NORMAL,
    ops: ["add", "sub"],
    rewrite: commonDivisor,
  },
];
