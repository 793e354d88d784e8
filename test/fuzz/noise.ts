/**
 * Rounding errors as noise on what each operation gives (Monte Carlo arithmetic: Parker 1997), as large as a backend's may be:
 * relative to the result itself, of sums relative to the sum of the terms' sizes, and with Winograd's algorithm, whose
 * transforms mix what the definition keeps apart, relative to the largest of these in the tensor.
 */
import type { InterpretEnv } from "../../compiler/ir/interpret.ts";
import { opNamed } from "../../compiler/ops/index.ts";
import type { Random } from "./random.ts";

export interface Precision {
  /** An error is at most 2^-bits. */
  readonly bits: number;
  /** Convolutions may be computed by Winograd's algorithm, whose errors are some 2^5 times as large. */
  readonly winograd: boolean;
}

const WINOGRAD_BITS = 5;

const CONVOLUTIONS = ["conv2d", "conv2d_grad_input", "conv2d_grad_weight"];
/** Operations that add up: linear in each operand, without negative coefficients. */
const SUMS = [
  ...CONVOLUTIONS,
  "sum",
  "matmul",
  "contract_rows",
  "sum_pool2d",
  "sum_unpool2d",
  "max_unpool2d",
  "scatter_rows",
];
/** Elements of the operands, signs and small whole numbers: nothing is rounded. */
const EXACT = [
  ...["const", "abs", "neg", "sign", "floor", "cast", "where", "maximum", "minimum", "stop_gradient", "max"],
  ...["max_pool2d", "max_pool2d_gather", "gather_rows", "dynamic_slice", "dynamic_pad"],
];

/** Functions whose results a backend keeps within ±1. */
const BOUNDED = ["sigmoid", "tanh", "erf", "sin", "cos"];

/** With `grid` results are float32 numbers too: equal now and then where exact ones are not, as noise alone never makes them. */
export function noise(
  { bits, winograd }: Precision,
  random: Random,
  grid: boolean,
): NonNullable<InterpretEnv["round"]> {
  const size = 2 ** -bits;
  const stored = grid ? Math.fround : (v: number): number => v;
  return (result, { op, type, attrs, inputs }, operands) => {
    const { category, reference } = opNamed(op);
    if (type.dtype !== "f32" || category === "view" || category === "index" || EXACT.includes(op)) return result;
    const error = (): number => size * (2 * random.unit() - 1);
    const most = BOUNDED.includes(op) ? 1 : Infinity;
    const near = (v: number): number => stored(Math.max(-most, Math.min(most, v * (1 + error()))));
    if (!SUMS.includes(op)) return { ...result, data: result.data.map(near) };
    const sizes = operands.map((x, i) => (inputs[i].type.dtype === "f32" ? { ...x, data: x.data.map(Math.abs) } : x));
    const terms = reference!(sizes, attrs, { ...type, shape: result.shape }, { n: 0, seed: 0, step: 0 }).data;
    if (!(winograd && CONVOLUTIONS.includes(op))) {
      return { ...result, data: result.data.map((v, i) => stored(v + terms[i] * error())) };
    }
    const largest = 2 ** WINOGRAD_BITS * terms.reduce((a, b) => Math.max(a, b), 0);
    return { ...result, data: result.data.map((v) => stored(v + largest * error())) };
  };
}
