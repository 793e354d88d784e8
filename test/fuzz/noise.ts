/**
 * Rounding errors as noise on what each operation gives (Monte Carlo arithmetic: Parker 1997), as large as a backend's may be:
 * relative to the result itself, of sums relative to the sum of the terms' sizes, and with Winograd's algorithm, whose
 * transforms mix what the definition keeps apart, relative to the largest of these in the tensor.
 *
 * A sum of sums is one sum, whose terms the compiler may add in another order or leave out where they are known to cancel. So
 * softmax(x − m) loses the gradient of m, Σ (p − y), which is 0: what is left, p − y, rounds relative to p and y, while the
 * definition, with that gradient, rounds relative to the difference. The same holds of a sum times a factor, as in the gradient of
 * softmax in the middle of a net, p (g − Σ p g): without the gradient of m, its sum is as far from 0 as g rounds.
 */
import type { Value } from "../../compiler/ir/graph.ts";
import type { InterpretEnv } from "../../compiler/ir/interpret.ts";
import { opNamed } from "../../compiler/ops/index.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import type { Random } from "./random.ts";

export interface Precision {
  /** An error is at most 2^-bits. */
  readonly bits: number;
  /** Convolutions may be computed by Winograd's algorithm, whose errors are some 2^5 times as large. */
  readonly winograd: boolean;
}

const WINOGRAD_BITS = 5;

const CONVOLUTIONS = ["conv2d", "conv2d_grad_input", "conv2d_grad_weight"];
/** Operations that add up: linear in each operand, with coefficients of 1 or −1. */
const SUMS = [
  ...CONVOLUTIONS,
  "add",
  "sub",
  "sum",
  "matmul",
  "contract_rows",
  "sum_pool2d",
  "sum_unpool2d",
  "max_unpool2d",
  "scatter_rows",
];
/** Those whose sums are one sum with their operands' own. */
const ADDITIONS = ["add", "sub", "sum"];
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
  const sizes = new Sizes();
  return (result, value, operands) => {
    const { op, type } = value;
    const { category } = opNamed(op);
    if (type.dtype !== "f32" || category === "view" || category === "index" || EXACT.includes(op)) {
      return sizes.pass(result, value, operands);
    }
    const error = (): number => size * (2 * random.unit() - 1);
    const most = BOUNDED.includes(op) ? 1 : Infinity;
    const near = (v: number): number => stored(Math.max(-most, Math.min(most, v * (1 + error()))));
    if (op === "mul") return sizes.times({ ...result, data: result.data.map(near) }, value, operands);
    if (!SUMS.includes(op)) return { ...result, data: result.data.map(near) };
    const terms = sizes.ofTerms(result, value, operands);
    if (!(winograd && CONVOLUTIONS.includes(op))) {
      const noisy = { ...result, data: result.data.map((v, i) => stored(v + terms.data[i] * error())) };
      return sizes.keep(noisy, value, terms);
    }
    const largest = 2 ** WINOGRAD_BITS * terms.data.reduce((a, b) => Math.max(a, b), 0);
    return { ...result, data: result.data.map((v) => stored(v + largest * error())) };
  };
}

/** Of each element of a sum the sum of its terms' sizes, also where it is a sum of sums; of other values the element's size. */
class Sizes {
  private readonly known = new WeakMap<Tensor, Tensor>();

  /** What an operation adds up, without signs. */
  ofTerms(result: Tensor, value: Value, operands: readonly Tensor[]): Tensor {
    const { op, inputs } = value;
    const own = (x: Tensor): Tensor => ({ ...x, data: x.data.map(Math.abs) });
    const of = (x: Tensor): Tensor => (ADDITIONS.includes(op) && this.known.get(x)) || own(x);
    const terms = operands.map((x, i) => (inputs[i].type.dtype === "f32" ? of(x) : x));
    return applied(op === "sub" ? "add" : op, terms, value, result);
  }

  /** The result of an addition has these. */
  keep(result: Tensor, { op }: Value, terms: Tensor): Tensor {
    if (ADDITIONS.includes(op)) this.known.set(result, terms);
    return result;
  }

  /** A sum times a factor is the sum of the products. */
  times(result: Tensor, value: Value, operands: readonly Tensor[]): Tensor {
    if (!operands.some((x) => this.known.has(x))) return result;
    const terms = operands.map((x) => this.known.get(x) ?? { ...x, data: x.data.map(Math.abs) });
    this.known.set(result, applied("mul", terms, value, result));
    return result;
  }

  /** A sum negated, or seen in another shape, is a sum. */
  pass(result: Tensor, value: Value, operands: readonly Tensor[]): Tensor {
    const terms = operands.length === 1 ? this.known.get(operands[0]) : undefined;
    if (!terms) return result;
    if (value.op === "neg") this.known.set(result, terms);
    else if (opNamed(value.op).category === "view") this.known.set(result, applied(value.op, [terms], value, result));
    return result;
  }
}

function applied(op: string, operands: readonly Tensor[], { attrs, type }: Value, { shape }: Tensor): Tensor {
  const { data } = opNamed(op).reference!(operands, attrs, { ...type, shape }, { n: 0, seed: 0, step: 0 });
  return { shape, data: data.map(Math.abs) };
}
