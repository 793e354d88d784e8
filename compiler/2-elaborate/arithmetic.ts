/**
 * Operators on compile-time values. Numbers are computed here in float64; tensors become operations, except where one operand
 * is a constant that makes the operation unnecessary: x·1, x+0, x·0, x^1, x+(z−x) and choices that are decided.
 */
import type { BinaryOperator } from "../1-parse/syntax.ts";
import { ShapeError } from "../diagnostics.ts";
import type { Builder } from "../ir/builder.ts";
import { sameShape, type Value } from "../ir/graph.ts";
import { axisNames, type CValue, isTensor, showType, type Tensor, tensor } from "./values.ts";

type Numeric = number | Tensor;

const OPS: Readonly<Record<string, string>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "^": "pow",
  "==": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

export const COMPARISONS: readonly BinaryOperator[] = ["==", "!=", "<", "<=", ">", ">="];

export function compareNumbers(op: BinaryOperator, a: number, b: number): boolean {
  if (op === "==") return a === b;
  if (op === "!=") return a !== b;
  if (op === "<") return a < b;
  if (op === "<=") return a <= b;
  return op === ">" ? a > b : a >= b;
}

export function numbers(op: BinaryOperator, a: number, b: number): number {
  if (op === "+") return a + b;
  if (op === "-") return a - b;
  if (op === "*") return a * b;
  if (op === "%") return a - Math.floor(a / b) * b;
  return op === "/" ? a / b : a ** b;
}

/** Whether a finite result was beyond all numbers: x / 0 and 0 ^ −1 are infinite by themselves. */
export function overflows(result: CValue, operands: readonly CValue[]): boolean {
  if (typeof result !== "number" || Number.isFinite(result) || Number.isNaN(result)) return false;
  return operands.flat().every((x) => typeof x !== "number" || (Number.isFinite(x) && x !== 0));
}

/** The operand as a value of the IR; bool and integers become f32 unless `keep`. */
export function toValue(b: Builder, a: Numeric | boolean, keep = false): Value {
  if (typeof a === "number") return b.const(a);
  if (typeof a === "boolean") return b.const(a ? 1 : 0);
  return keep ? a.value : b.cast(a.value, "f32");
}

/** The number that every element is known to be. */
function constantOf(v: Value): number | null {
  if (v.op === "const") return Number(v.attrs.value);
  return v.op === "broadcast" ? constantOf(v.inputs[0]) : null;
}

/** `+ - * / % ^` and comparisons where at least one operand is a tensor. */
export function elementwise(b: Builder, op: BinaryOperator, x: Numeric, y: Numeric): Tensor {
  if (op === "%") return remainder(b, x, y);
  const isInteger = (v: Numeric): boolean => isTensor(v) && v.value.type.dtype === "i32";
  const integers = COMPARISONS.includes(op) && isInteger(x) && isInteger(y);
  const [left, right] = [toValue(b, x, integers), toValue(b, y, integers)];
  requireBroadcast(left, right);
  return tensor(simplified(b, op, left, right) ?? b.binary(OPS[op], left, right));
}

/** x − ⌊x / y⌋ · y: of the sign of y. */
function remainder(b: Builder, x: Numeric, y: Numeric): Tensor {
  const whole = tensor(b.op("floor", [elementwise(b, "/", x, y).value]));
  return elementwise(b, "-", x, elementwise(b, "*", whole, y));
}

/** Refuses shapes that do not broadcast, in the names of their axes. */
function requireBroadcast(x: Value, y: Value): void {
  const [a, c] = [x.type.shape, y.type.shape];
  const names = [x, y].map((v) => axisNames(v.type)).find((n) => n?.length === Math.max(a.length, c.length));
  const clashes: string[] = [];
  for (let i = 1; i <= Math.min(a.length, c.length); i++) {
    const [p, q] = [a[a.length - i], c[c.length - i]];
    if (p !== q && p !== 1 && q !== 1) clashes.unshift(`${names?.at(-i) ?? `axis ${-i}`} ${p} and ${q}`);
  }
  if (clashes.length === 0) return;
  throw new ShapeError(`${showType(x.type)} and ${showType(y.type)} do not fit: ${clashes.join(", ")}`);
}

function simplified(b: Builder, op: BinaryOperator, x: Value, y: Value): Value | null {
  const [cx, cy] = [constantOf(x), constantOf(y)];
  const [alignedX, alignedY] = b.align([x, y]);
  const shape = alignedX.type.shape.length >= alignedY.type.shape.length ? alignedX.type.shape : alignedY.type.shape;
  const whole = (v: Value): Value | null => (sameShape(v.type.shape, shape) ? v : null);
  const zero = (): Value => b.broadcast(b.const(0), shape, []);
  // x + (z − x): what a moving average is that keeps nothing.
  const approached = y.op === "sub" && y.inputs[1] === x ? whole(y.inputs[0]) : null;
  if (op === "+") return cx === 0 ? whole(y) : cy === 0 ? whole(x) : approached;
  if (op === "-") return cy === 0 ? whole(x) : cx === 0 && whole(y) ? b.neg(y) : null;
  // A tensor of zeros is multiplied with: what lies behind keeps its gradient, which is 0.
  if (op === "*" && [x, y].some((v) => v.op === "const" && constantOf(v) === 0)) return zero();
  if (op === "*") return cx === 1 ? whole(y) : cy === 1 ? whole(x) : null;
  if (op === "/") return cy === 1 ? whole(x) : null;
  return op === "^" && cy !== null && whole(x) ? power(b, x, cy) : null;
}

/** Exponents that need no logarithm. */
function power(b: Builder, x: Value, exponent: number): Value | null {
  if (exponent === 1) return x;
  if (exponent === 2) return b.mul(x, x);
  if (exponent === 3) return b.mul(b.mul(x, x), x);
  if (exponent === 0.5) return b.sqrt(x);
  return exponent === -1 ? b.div(1, x) : null;
}

/** `c ? x : y` where `c` is known at run time only. */
export function choose(b: Builder, condition: Tensor, x: CValue, y: CValue): Tensor {
  const [left, right] = [x, y].map((v) => toValue(b, v as Numeric | boolean));
  return tensor(left === right ? left : b.where(condition.value, left, right));
}
