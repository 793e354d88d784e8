/** Functions that keep the order of their argument, applied to a window's largest element instead of to all. */
import type { Builder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import { tensorOf } from "../ops/tensor.ts";
import { constantOf, type Rule, varyingAxes } from "./rule.ts";

/** Functions that never fall and are defined for every number: a NaN comes from a NaN alone. */
const RISING = ["exp", "expm1", "tanh", "sigmoid", "erf", "floor"];

const BELOW = ["lt", "le"];
const ABOVE = ["gt", "ge"];

/** Whether all elements of a window are the same: of rank 0, or repeated along rows and columns. */
function isSameInWindow(value: Value): boolean {
  if (value.type.shape.length === 0) return true;
  return value.op === "broadcast" && varyingAxes(value).every(({ axis }) => axis < 2);
}

/** What `value` is a function of, if of one thing that varies within windows. */
function argumentOf(value: Value): Value | null {
  if (value.op === "where") {
    const [condition] = value.inputs;
    return [...BELOW, ...ABOVE].includes(condition.op) ? condition.inputs[0] : null;
  }
  const varying = new Set(value.inputs.filter((input) => !isSameInWindow(input)));
  return varying.size === 1 ? [...varying][0] : null;
}

/** Whether `value`, as a function of `x`, nowhere falls. */
function isRising(value: Value, x: Value): boolean {
  if (value === x || isSameInWindow(value)) return true;
  const { op, inputs } = value;
  const [first, second] = inputs;
  const rising = (operand: Value) => isRising(operand, x);
  const factor = () => (constantOf(second) ?? -1) > 0;
  switch (op) {
    case "add":
    case "maximum":
    case "minimum":
      return inputs.every(rising);
    case "sub":
      return rising(first) && isSameInWindow(second);
    case "mul":
    case "div":
      return rising(first) && factor();
    case "where":
      return isRisingInPieces(value, x);
    default:
      return RISING.includes(op) && rising(first);
  }
}

/** Whether nothing is rounded, so that elements which differ before still differ, or have no gradient. */
function isExact(value: Value, x: Value): boolean {
  if (value === x || isSameInWindow(value)) return true;
  const operands = value.op === "where" ? value.inputs.slice(1) : value.inputs;
  return ["where", "maximum", "minimum"].includes(value.op) && operands.every((operand) => isExact(operand, x));
}

/** Two pieces, neither of which falls, and where x passes from the lower to the upper one the function does not step down. */
function isRisingInPieces({ inputs: [condition, yes, no] }: Value, x: Value): boolean {
  const [subject, threshold] = condition.inputs;
  const at = threshold && constantOf(threshold);
  if (subject !== x || typeof at !== "number") return false;
  if (!isRising(yes, x) || !isRising(no, x)) return false;
  const [lower, upper] = BELOW.includes(condition.op) ? [yes, no] : [no, yes];
  const [below, above] = [valueAt(lower, x, at), valueAt(upper, x, at)];
  return below !== null && above !== null && below <= above;
}

/** The number that `value` is where x is `at`; null if it depends on more. */
function valueAt(value: Value, x: Value, at: number): number | null {
  if (value === x) return at;
  const constant = constantOf(value);
  if (constant !== null || value.inputs.length === 0) return constant;
  if (value.op === "broadcast") return valueAt(value.inputs[0], x, at);
  const operands = value.inputs.map((input) => valueAt(input, x, at));
  const { category, reference } = opNamed(value.op);
  if (category !== "elementwise" || !reference || operands.includes(null)) return null;
  const scalars = operands.map((operand) => tensorOf([], () => operand!));
  return reference(scalars, value.attrs, { ...value.type, shape: [] }, { n: 1, seed: 0, step: 0 }).data[0];
}

/** `value` with `pooled` for x, in the shape that this has. */
function substitute(b: Builder, value: Value, x: Value, pooled: Value): Value {
  if (value === x) return pooled;
  if (value.type.shape.length === 0) return value;
  if (value.op === "broadcast") return b.op("broadcast", value.inputs, { ...value.attrs, shape: pooled.type.shape });
  const operands = value.inputs.map((input) => substitute(b, input, x, pooled));
  return b.op(value.op, operands, value.attrs);
}

export const poolingRules: readonly Rule[] = [
  {
    name: "pool-rising",
    doc: "max_pool2d(f(x)) → f(max_pool2d(x)), for an elementwise f that nowhere falls, such as relu or the addition of a bias",
    assumes: "elements that f rounds to equal ones may stand for each other; with numerics = strict, f rounds nothing",
    ops: ["max_pool2d"],
    rewrite({ inputs: [y], attrs }, { b, strict }) {
      if (opNamed(y.op).category !== "elementwise") return null;
      const x = argumentOf(y);
      if (!x || !isRising(y, x) || (strict && !isExact(y, x))) return null;
      return substitute(b, y, x, b.op("max_pool2d", [x], attrs));
    },
  },
];
