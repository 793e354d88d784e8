/** Constants, neutral and absorbing elements, signs, powers, choices. */
import type { Builder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import {
  bothOrders,
  constantOf,
  elementwiseOps,
  inShape,
  makeConstant,
  negated,
  type Rule,
  type RuleContext,
} from "./rule.ts";

const commutative = ["add", "mul", "maximum", "minimum", "eq", "ne", "and", "or"];

const isConst = (value: Value, number: number): boolean => constantOf(value) === number;

function fold(value: Value, { b }: RuleContext): Value | null {
  const numbers = value.inputs.map(constantOf);
  if (numbers.includes(null)) return null;
  const operands = numbers.map((number) => ({ shape: [], data: Float64Array.of(number!) }));
  const { data } = opNamed(value.op).reference!(operands, value.attrs, value.type, { n: 1, seed: 0, step: 0 });
  const constant = makeConstant(b, value.type.dtype, data[0]);
  return constant === value ? null : constant;
}

/** Operands of lower rate last, constants at the very end; else in the order in which they were built. */
function order(value: Value, c: RuleContext): Value | null {
  const [x, y] = value.inputs;
  const swap = c.rate(x) < c.rate(y) || (c.rate(x) === c.rate(y) && x.id > y.id);
  return swap ? c.b.op(value.op, [y, x]) : null;
}

/** x^k by repeated squaring. */
function power(b: Builder, x: Value, k: number): Value {
  if (k === 1) return x;
  const half = power(b, x, Math.floor(k / 2));
  const square = b.mul(half, half);
  return k % 2 === 0 ? square : b.mul(square, x);
}

/** Exponents up to this become multiplications. */
const MOST_FACTORS = 16;

function constantPower(value: Value, { b }: RuleContext): Value | null {
  const [x, exponent] = value.inputs;
  const p = constantOf(exponent);
  if (p === null) return null;
  if (p === 0) return inShape(b, b.const(1), value.type.shape);
  if (p === 0.5) return b.sqrt(x);
  if (p === -0.5) return b.div(1, b.sqrt(x));
  if (!Number.isInteger(p) || Math.abs(p) > MOST_FACTORS) return null;
  return p > 0 ? power(b, x, p) : b.div(1, power(b, x, -p));
}

/** How far into an expression an infinite or undefined constant is looked for. */
const DEPTH = 6;

/** Whether elements of x are chosen from, or computed with, a constant that is not finite: a loss of nothing is 0 / 0. */
function holdsInfinite(x: Value, depth = DEPTH): boolean {
  if (x.op === "const") return !Number.isFinite(constantOf(x));
  if (depth === 0 || x.type.dtype === "bool") return false;
  if (!["elementwise", "view", "reduce"].includes(opNamed(x.op).category)) return false;
  return x.inputs.some((input) => holdsInfinite(input, depth - 1));
}

/** c ? a : b with nested choices on the same condition resolved. */
function nestedChoice({ inputs: [cond, a, b] }: Value, c: RuleContext): Value | null {
  const inner = (x: Value, branch: 1 | 2) => (x.op === "where" && x.inputs[0] === cond ? x.inputs[branch] : x);
  const [then, otherwise] = [inner(a, 1), inner(b, 2)];
  return then === a && otherwise === b ? null : c.b.op("where", [cond, then, otherwise]);
}

export const algebraRules: readonly Rule[] = [
  { name: "fold", doc: "f(constants) → constant", ops: elementwiseOps, anyType: true, rewrite: fold },
  { name: "order", doc: "y ∘ x → x ∘ y, operands of lower rate last", ops: commutative, anyType: true, rewrite: order },
  {
    name: "add-zero",
    doc: "x + 0 → x, x − 0 → x",
    ops: ["add", "sub"],
    rewrite: ({ inputs: [x, y], type }, { b }) => (isConst(y, 0) ? inShape(b, x, type.shape) : null),
  },
  {
    name: "zero-sub",
    doc: "0 − x → −x",
    ops: ["sub"],
    rewrite: ({ inputs: [x, y] }, { b }) => (isConst(x, 0) ? b.neg(y) : null),
  },
  {
    name: "one",
    doc: "x · 1 → x, x / 1 → x",
    ops: ["mul", "div"],
    rewrite: ({ inputs: [x, y], type }, { b }) => (isConst(y, 1) ? inShape(b, x, type.shape) : null),
  },
  {
    name: "minus-one",
    doc: "x · (−1) → −x, x / (−1) → −x",
    ops: ["mul", "div"],
    rewrite: ({ inputs: [x, y] }, { b }) => (isConst(y, -1) ? b.neg(x) : null),
  },
  {
    name: "mul-zero",
    doc: "x · 0 → 0, once gradients are written out: the loss may be 0 / 0 behind it, and x's gradient NaN",
    assumes: "x is finite",
    ops: ["mul"],
    rewrite: ({ inputs: [x, y], type }, { b, differentiated }) =>
      differentiated && isConst(y, 0) && !holdsInfinite(x) ? inShape(b, y, type.shape) : null,
  },
  {
    name: "zero-div",
    doc: "0 / x → 0",
    assumes: "x is neither 0 nor NaN",
    ops: ["div"],
    rewrite: ({ inputs: [x], type }, { b }) => (isConst(x, 0) ? inShape(b, x, type.shape) : null),
  },
  {
    name: "sub-self",
    doc: "x − x → 0",
    assumes: "x is finite",
    ops: ["sub"],
    rewrite: ({ inputs: [x, y], type }, { b }) => (x === y ? inShape(b, b.const(0), type.shape) : null),
  },
  {
    name: "double",
    doc: "x + x → 2 x",
    ops: ["add"],
    rewrite: ({ inputs: [x, y] }, { b }) => (x === y ? b.mul(x, 2) : null),
  },
  {
    name: "add-twice",
    doc: "(y + x) + x → y + 2 x, (y − x) − x → y − 2 x",
    ops: ["add", "sub"],
    rewrite(value, { b }) {
      for (const [sum, x] of value.op === "add" ? bothOrders(value) : [value.inputs]) {
        if (sum.op !== value.op) continue;
        if (sum.inputs[1] === x) return b.binary(sum.op, sum.inputs[0], b.mul(x, 2));
        if (sum.op === "add" && sum.inputs[0] === x) return b.add(sum.inputs[1], b.mul(x, 2));
      }
      return null;
    },
  },
  {
    name: "neg-neg",
    doc: "−(−x) → x",
    ops: ["neg"],
    anyType: true,
    rewrite: ({ inputs: [x] }) => (x.op === "neg" ? x.inputs[0] : null),
  },
  {
    name: "neg-sub",
    doc: "−(x − y) → y − x",
    ops: ["neg"],
    rewrite: ({ inputs: [x] }, { b }) => (x.op === "sub" ? b.sub(x.inputs[1], x.inputs[0]) : null),
  },
  {
    name: "neg-constant",
    doc: "−(x · c) → x · (−c), for constants c",
    ops: ["neg"],
    rewrite({ inputs: [x] }, { b }) {
      const factor = x.op === "mul" ? constantOf(x.inputs[1]) : null;
      return factor === null ? null : b.mul(x.inputs[0], -factor);
    },
  },
  {
    name: "neg-scaled-sub",
    doc: "−((x − y) · h) → (y − x) · h, −((x − y) / h) → (y − x) / h, for scalars h",
    ops: ["neg"],
    rewrite({ inputs: [x] }, { b }) {
      if ((x.op !== "mul" && x.op !== "div") || x.inputs[0].op !== "sub" || x.inputs[1].type.shape.length > 0)
        return null;
      const [left, right] = x.inputs[0].inputs;
      return b.binary(x.op, b.sub(right, left), x.inputs[1]);
    },
  },
  {
    name: "neg-factor",
    doc: "(−x) y → −(x y), (−x) / y → −(x / y), x / (−y) → −(x / y), likewise for negative constants over y, and broadcasts of −x",
    ops: ["mul", "div"],
    rewrite({ op, inputs: [x, y] }, { b }) {
      const numerator = constantOf(x);
      if (op === "div" && numerator !== null && numerator < 0) return b.neg(b.div(-numerator, y));
      const [positiveX, positiveY] = [negated(b, x), negated(b, y)];
      if (positiveX) return b.neg(b.binary(op, positiveX, y));
      return positiveY && b.neg(b.binary(op, x, positiveY));
    },
  },
  {
    name: "add-neg",
    doc: "x + (−y) → x − y, (−x) + y → y − x, x − (−y) → x + y, (−x) − y → −(x + y)",
    ops: ["add", "sub"],
    rewrite({ op, inputs: [x, y] }, { b }) {
      const [positiveX, positiveY] = [negated(b, x), negated(b, y)];
      if (positiveY) return op === "add" ? b.sub(x, positiveY) : b.add(x, positiveY);
      if (!positiveX) return null;
      return op === "add" ? b.sub(y, positiveX) : b.neg(b.add(positiveX, y));
    },
  },
  {
    name: "add-negative-multiple",
    doc: "x + y · (−c) → x − y · c, x − y · (−c) → x + y · c, for constants c > 0",
    ops: ["add", "sub"],
    rewrite({ op, inputs: [x, y] }, { b }) {
      const factor = y.op === "mul" ? constantOf(y.inputs[1]) : null;
      if (factor === null || !(factor < 0)) return null;
      return b.binary(op === "add" ? "sub" : "add", x, b.mul(y.inputs[0], -factor));
    },
  },
  {
    name: "constant-power",
    doc: "x^k → x · x · …, x^−k → 1 / (x · x · …), x^0 → 1, x^½ → √x",
    assumes: "x is not −∞ for the root",
    ops: ["pow"],
    rewrite: constantPower,
  },
  {
    name: "log-exp",
    doc: "log(exp(x)) → x",
    ops: ["log"],
    rewrite: ({ inputs: [x] }) => (x.op === "exp" ? x.inputs[0] : null),
  },
  {
    name: "even",
    doc: "|−x| → |x|, ||x|| → |x|, cos(−x) → cos(x)",
    ops: ["abs", "cos"],
    rewrite({ op, inputs: [x] }, { b }) {
      if (x.op === "neg") return b.op(op, [x.inputs[0]]);
      return op === "abs" && x.op === "abs" ? x : null;
    },
  },
  {
    name: "idempotent",
    doc: "max(x, x) → x, min(x, x) → x, x and x → x, x or x → x",
    ops: ["maximum", "minimum", "and", "or"],
    anyType: true,
    rewrite: ({ inputs: [x, y] }) => (x === y ? x : null),
  },
  {
    name: "logic-constant",
    doc: "x and true → x, x and false → false, x or true → true, x or false → x",
    ops: ["and", "or"],
    anyType: true,
    rewrite({ op, inputs: [x, y], type }, { b }) {
      const constant = constantOf(y);
      if (constant === null) return null;
      return inShape(b, (constant === 1) === (op === "and") ? x : y, type.shape);
    },
  },
  {
    name: "not-not",
    doc: "not not x → x",
    ops: ["not"],
    anyType: true,
    rewrite: ({ inputs: [x] }) => (x.op === "not" ? x.inputs[0] : null),
  },
  {
    name: "where-constant",
    doc: "where(true, a, b) → a, where(false, a, b) → b, where(c, a, a) → a",
    ops: ["where"],
    anyType: true,
    rewrite({ inputs: [cond, x, y], type }, { b }) {
      if (x === y) return inShape(b, x, type.shape);
      const constant = constantOf(cond);
      return constant === null ? null : inShape(b, constant ? x : y, type.shape);
    },
  },
  {
    name: "where-not",
    doc: "where(not c, a, b) → where(c, b, a)",
    ops: ["where"],
    anyType: true,
    rewrite: ({ inputs: [cond, x, y] }, { b }) => (cond.op === "not" ? b.op("where", [cond.inputs[0], y, x]) : null),
  },
  {
    name: "where-where",
    doc: "where(c, where(c, a, _), b) → where(c, a, b), where(c, a, where(c, _, b)) → where(c, a, b)",
    ops: ["where"],
    anyType: true,
    rewrite: nestedChoice,
  },
  {
    name: "cast-cast",
    doc: "f32(i32(bool)) → f32(bool)",
    ops: ["cast"],
    rewrite: ({ inputs: [x] }, { b }) =>
      x.op === "cast" && x.inputs[0].type.dtype === "bool" ? b.cast(x.inputs[0], "f32") : null,
  },
];
