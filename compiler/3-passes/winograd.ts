/**
 * Winograd's minimal filtering (Lavin & Gray, arXiv:1509.09308): y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A for each m × m tile of the
 * output, summed over channels by one matrix product for each of the (m + r − 1)² points.
 *
 * The gradients are the adjoint of that, so the transformed input, weights and output gradient are shared between the forward
 * convolution and both of its gradients.
 */
import type { Builder } from "../ir/builder.ts";
import type { Attrs, Value } from "../ir/graph.ts";
import { transposed } from "../ops/tiles.ts";

type Matrix = readonly (readonly number[])[];

export interface Transforms {
  /** Bᵀ (a × a), G (a × r) and Aᵀ (m × a), with a = m + r − 1. */
  readonly input: Matrix;
  readonly kernel: Matrix;
  readonly output: Matrix;
}

/** Interpolation points besides infinity, in the order in which they are used: small ones, their negatives beside them. */
const POINTS = [0, 1, -1, 2, -2, 0.5, -0.5];

/** F(m, r) by Toom and Cook: evaluate at the points, multiply, interpolate. */
export function transforms(m: number, r: number): Transforms {
  const points = POINTS.slice(0, m + r - 2);
  const others = points.map((_, i) => points.filter((_, j) => j !== i));
  const powers = (p: number, count: number) => Array.from({ length: count }, (_, i) => p ** i);
  const atInfinity = (count: number) => [...new Array<number>(count - 1).fill(0), 1];
  return {
    input: [...others.map((roots) => [...polynomial(roots), 0]), polynomial(points)],
    kernel: [
      ...points.map((p, i) => {
        const scale = others[i].reduce((product, q) => product * (p - q), 1);
        return powers(p, r).map((x) => x / scale);
      }),
      atInfinity(r),
    ],
    output: transposed([...points.map((p) => powers(p, m)), atInfinity(m)]),
  };
}

/** Coefficients of Π (x − root), the constant one first. */
function polynomial(roots: readonly number[]): number[] {
  let coefficients = [1];
  for (const root of roots) {
    const shifted = [0, ...coefficients];
    coefficients.forEach((c, i) => {
      shifted[i] -= root * c;
    });
    coefficients = shifted;
  }
  return coefficients;
}

/** What the three convolutions of a layer share. */
class Algorithm {
  private readonly t: Transforms;
  private readonly kernel: number;
  private readonly image: Attrs;
  private readonly result: Attrs;

  constructor(
    private readonly b: Builder,
    /** Output pixels of a tile, along each axis. */
    m: number,
    conv: Value,
    weights: readonly unknown[],
    output: readonly unknown[],
  ) {
    this.kernel = weights[2] as number;
    this.t = transforms(m, this.kernel);
    const [top, left] = conv.attrs.padding as number[];
    const tiles = [Math.ceil((output[2] as number) / m), Math.ceil((output[3] as number) / m)];
    this.image = { stride: m, padding: [top, left], tiles };
    this.result = { stride: m, padding: [0, 0], tiles };
  }

  /** [P, N, T, C] */
  input(x: Value, again = false): Value {
    // To write the larger transformed input to memory and read it there takes longer than to make it twice.
    return this.tile(x, this.t.input, again ? { ...this.image, again } : this.image);
  }
  /** [P, O, C] */
  weights(w: Value): Value {
    const points = this.tile(w, this.t.kernel, { stride: this.kernel, padding: [0, 0], tiles: [1, 1] });
    const [p, o, , c] = points.type.shape;
    return this.b.reshape(points, [p, o, c]);
  }
  /** [P, N, T, O] */
  outputGradient(dy: Value): Value {
    return this.tile(dy, transposed(this.t.output), this.result);
  }

  output(points: Value, shape: Value["type"]["shape"]): Value {
    return this.untile(points, this.t.output, this.result, shape);
  }
  inputGradient(points: Value, shape: Value["type"]["shape"]): Value {
    return this.untile(points, transposed(this.t.input), this.image, shape);
  }
  /** From [P, O, C]. */
  weightGradient(points: Value, shape: Value["type"]["shape"]): Value {
    const [p, o, c] = points.type.shape;
    return this.untile(
      this.b.reshape(points, [p, o, 1, c]),
      transposed(this.t.kernel),
      { stride: this.kernel, padding: [0, 0], tiles: [1, 1] },
      shape,
    );
  }

  private tile(x: Value, matrix: Matrix, tiling: Attrs): Value {
    return this.b.op("tile", [x], { ...tiling, matrix });
  }
  private untile(y: Value, matrix: Matrix, tiling: Attrs, shape: Value["type"]["shape"]): Value {
    return this.b.op("untile", [y], { ...tiling, matrix, shape });
  }
}

/** A convolution or one of its gradients, m × m outputs at a time; a weight gradient may transform the input `again`. */
export function byWinograd(
  b: Builder,
  m: number,
  conv: Value,
  [first, second]: readonly Value[],
  again: boolean,
): Value {
  if (conv.op === "conv2d") return winogradConv(b, m, conv, first, second);
  return conv.op === "conv2d_grad_input"
    ? winogradGradInput(b, m, conv, first, second)
    : winogradGradWeight(b, m, conv, first, second, again);
}

function winogradConv(b: Builder, m: number, conv: Value, x: Value, w: Value): Value {
  const algorithm = new Algorithm(b, m, conv, w.type.shape, conv.type.shape);
  const product = b.matmul(algorithm.input(x), b.transpose(algorithm.weights(w), [0, 2, 1]));
  return algorithm.output(product, conv.type.shape);
}

function winogradGradInput(b: Builder, m: number, conv: Value, dy: Value, w: Value): Value {
  const algorithm = new Algorithm(b, m, conv, w.type.shape, dy.type.shape);
  return algorithm.inputGradient(b.matmul(algorithm.outputGradient(dy), algorithm.weights(w)), conv.type.shape);
}

function winogradGradWeight(b: Builder, m: number, conv: Value, x: Value, dy: Value, again: boolean): Value {
  const algorithm = new Algorithm(b, m, conv, conv.type.shape, dy.type.shape);
  const [points, gradients] = [algorithm.input(x, again), algorithm.outputGradient(dy)];
  const product = (left: Value, right: Value) => b.op("contract_rows", [left, right], { batch: 1 });
  // Few channels do not fill the columns of register tiles: they are the rows then.
  const [o, c] = conv.type.shape as number[];
  const sums =
    tiledSize(o, c) <= tiledSize(c, o)
      ? product(gradients, points)
      : b.transpose(product(points, gradients), [0, 2, 1]);
  return algorithm.weightGradient(sums, conv.type.shape);
}

/** Elements of the register tiles, 4 rows by 8 columns, that cover a matrix. */
function tiledSize(rows: number, columns: number): number {
  return Math.ceil(rows / 4) * 4 * Math.ceil(columns / 8) * 8;
}
