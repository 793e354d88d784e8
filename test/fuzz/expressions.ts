/** Random elementwise functions of bounded values, as users write their own activations. */
import type { Random } from "./random.ts";

const BOUNDED = ["tanh", "sigmoid", "sin", "cos", "erf", "softsign", "hardtanh"];
const GROWING = ["relu", "abs", "softplus", "silu", "mish", "gelu", "elu", "selu", "celu", "leaky_relu", "relu6"];
const PLAIN = ["log_sigmoid", "hardswish", "hardsigmoid", "tanhshrink", "softshrink", "hardshrink", "sign", "floor"];
const CONSTANTS = ["0.5", "1", "-1", "2", "0.1", "3", "-0.25", "1e-3", "pi", "sqrt(2)"];

export const ACTIVATIONS: readonly string[] = [
  ...BOUNDED.slice(0, 2),
  ...GROWING.filter((name) => name !== "abs"),
  ...PLAIN.slice(0, 6),
  "leaky_relu(0.2)",
  "elu(0.7)",
  "softplus(2)",
  "gelu(approximate = tanh)",
  "softshrink(0.2)",
  "prelu",
  "prelu(init = 0.1)",
];

/** An expression of `x`, neither large nor undefined for any x. */
export function expression(random: Random, depth = 3): string {
  if (depth === 0) return random.chance(0.75) ? "x" : random.of(CONSTANTS);
  const inner = (): string => expression(random, depth - 1);
  const forms: readonly (() => string)[] = [
    () => `${random.of(BOUNDED)}(${inner()})`,
    () => `${random.of(GROWING)}(${inner()})`,
    () => `${random.of(PLAIN)}(${inner()})`,
    () => `(${inner()} ${random.of(["+", "-", "*"])} ${inner()})`,
    () => `(${inner()} ${random.of(["+", "-", "*", "/"])} ${random.of(CONSTANTS)})`,
    () => `-${inner()}`,
    () => `${inner()} / (1 + (${inner()}) ^ 2)`,
    () => `sqrt((${inner()}) ^ 2 + ${random.of(["1", "0.1"])})`,
    () => `log1p((${inner()}) ^ 2)`,
    () => `log(1 + exp(${random.of(BOUNDED)}(${inner()})))`,
    () => `exp(-(${inner()}) ^ 2)`,
    () => `expm1(minimum(${inner()}, 1))`,
    () => `${random.of(["maximum", "minimum"])}(${inner()}, ${inner()})`,
    () =>
      `where(${inner()} ${random.of(["<", "<=", ">", ">=", "==", "!="])} ${random.of(CONSTANTS)}, ${inner()}, ${inner()})`,
    () => `(${inner()} > ${inner()} ? ${inner()} : ${inner()})`,
    () => `stop_gradient(${inner()})`,
    () => `tanh(${inner()}) ^ ${random.of(["2", "3"])}`,
    () => `(x - mean(x, axis = ${random.of(["1", "-1"])}, keepdim = true))`,
    () => `(x - max(x, axis = ${random.of(["1", "-1"])}, keepdim = true))`,
  ];
  return random.of(forms)();
}
