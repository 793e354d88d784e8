/** Host scalars: what the kernels need once a step (learning rates, bias corrections), computed here in float64. */
import type { HostExpr, HostValue } from "./abi.ts";
import { TrainerError } from "./errors.ts";
import { cos, erf, exp, expm1, log, log1p, pow, sigmoid, sin, tanh } from "./math.ts";

export type HostValues = Record<HostValue, number>;
export type HostFunction = (values: HostValues) => number;

/** Elementwise operations of the IR by name. Booleans are 0 and 1; `cast` is to an integer, towards zero. */
const operations: Readonly<Record<string, (a: number, b: number, c: number) => number>> = {
  neg: (a) => -a,
  abs: Math.abs,
  sign: Math.sign,
  exp: (a) => exp(a),
  log,
  log1p,
  expm1,
  sqrt: Math.sqrt,
  sin,
  cos,
  tanh,
  sigmoid,
  erf,
  floor: Math.floor,
  not: (a) => 1 - a,
  cast: Math.trunc,
  stop_gradient: (a) => a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
  and: (a, b) => a * b,
  or: (a, b) => Math.max(a, b),
  where: (cond, a, b) => (cond ? a : b),
};

/** The expression as a function, so that a step walks no tree and allocates nothing. */
export function hostFunction(expr: HostExpr): HostFunction {
  if (typeof expr === "number") return () => expr;
  if (typeof expr === "string") {
    // JSON has no such numbers: they travel by name.
    if (/^(NaN|-?Infinity)$/.test(expr)) return () => Number(expr);
    return (values) => values[expr as HostValue];
  }
  const [name, ...args] = expr;
  const operation = operations[name];
  if (!operation) throw new TrainerError("artifact", `this runtime does not know the operation "${name}"`);
  const [a, b = a, c = a] = args.map(hostFunction);
  if (args.length === 1) return (values) => operation(a(values), 0, 0);
  if (args.length === 2) return (values) => operation(a(values), b(values), 0);
  return (values) => operation(a(values), b(values), c(values));
}
