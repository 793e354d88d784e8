/** Elementwise functions, on numbers at compile time and on tensors at run time. */
import { toValue } from "../arithmetic.ts";
import { type CValue, isTensor, type Tensor, tensor } from "../values.ts";
import { type Builtin, params } from "./builtin.ts";

function unary(name: string, doc: string, ofNumber: (x: number) => number): Builtin {
  return {
    name,
    params: params("x: number | tensor"),
    doc,
    run: ({ b }, { x }) => (typeof x === "number" ? ofNumber(x) : tensor(b.op(name, [toValue(b, x as Tensor)]))),
  };
}

function extremum(name: "maximum" | "minimum", doc: string, ofNumbers: (x: number, y: number) => number): Builtin {
  return {
    name,
    params: params("x: number | tensor, y: number | tensor"),
    doc,
    run({ b }, { x, y }) {
      if (typeof x === "number" && typeof y === "number") return ofNumbers(x, y);
      return tensor(b.binary(name, toValue(b, x as Tensor), toValue(b, y as Tensor)));
    },
  };
}

/** Abramowitz and Stegun would do for a constant; the series and the continued fraction are exact to float64. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  let [term, total] = [a, a];
  for (let k = 1; k < 200 && Math.abs(term) > 1e-18 * total; k++) {
    term *= (2 * a * a) / (2 * k + 1);
    total += term;
  }
  return Math.sign(x) * total * Math.exp(-a * a) * (2 / Math.sqrt(Math.PI));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const numeric = (v: CValue): boolean => typeof v === "number" || typeof v === "boolean" || isTensor(v);

export const MATH: readonly Builtin[] = [
  unary("abs", "|x|; the gradient at 0 is 0.", Math.abs),
  unary("sign", "−1, 0 or 1; its gradient is 0.", Math.sign),
  unary("exp", "eˣ", Math.exp),
  unary("log", "The natural logarithm.", Math.log),
  unary("log1p", "log(1 + x), exact for small x.", Math.log1p),
  unary("expm1", "eˣ − 1, exact for small x.", Math.expm1),
  unary("sqrt", "√x", Math.sqrt),
  unary("sin", "Sine, in radians.", Math.sin),
  unary("cos", "Cosine, in radians.", Math.cos),
  unary("tanh", "(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)", Math.tanh),
  unary("sigmoid", "1 / (1 + e⁻ˣ)", sigmoid),
  unary("erf", "2/√π ∫₀ˣ e^(−t²) dt", erf),
  unary("floor", "The largest whole number that is not above x; its gradient is 0.", Math.floor),
  {
    name: "ceil",
    params: params("x: number | tensor"),
    doc: "The smallest whole number that is not below x; its gradient is 0.",
    run: ({ b }, { x }) =>
      typeof x === "number" ? Math.ceil(x) : tensor(b.neg(b.op("floor", [b.neg(toValue(b, x as Tensor))]))),
  },
  extremum("maximum", "The larger of x and y, elementwise; at a tie each gets half of the gradient.", Math.max),
  extremum("minimum", "The smaller of x and y, elementwise; at a tie each gets half of the gradient.", Math.min),
  {
    name: "where",
    params: params("condition: tensor | bool, x, y"),
    doc: "x where the condition holds, else y, elementwise. The gradient goes to the one taken.",
    run(env, { condition, x, y }) {
      if (!numeric(x)) env.wrong("x", "a number or a tensor");
      if (!numeric(y)) env.wrong("y", "a number or a tensor");
      if (typeof condition === "boolean") return condition ? x : y;
      const { value } = condition as Tensor;
      if (value.type.dtype !== "bool") env.wrong("condition", "a condition, such as `x > 0`");
      return tensor(env.b.where(value, toValue(env.b, x as Tensor), toValue(env.b, y as Tensor)));
    },
  },
  {
    name: "stop_gradient",
    params: params("x: number | tensor"),
    doc: "x itself, through which no gradient flows.",
    run: ({ b }, { x }) => (typeof x === "number" ? x : tensor(b.op("stop_gradient", [(x as Tensor).value]))),
  },
];
