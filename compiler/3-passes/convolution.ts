/**
 * Which algorithm computes a convolution and its two gradients: the one with the least estimated time of those that it suits.
 *
 * The estimate counts processor cycles a sample: products in register tiles of 4 × 8, the arithmetic of the transforms, and
 * bytes where a sample's transformed tiles do not stay in the cache. Its constants are measurements (docs/performance.md), of
 * which only ratios matter.
 */
import type { Value } from "../ir/graph.ts";
import { CONV_ALGORITHMS, type ConvAlgorithm, tileOf, unsuited } from "../ops/conv-algorithms.ts";
import type { Target } from "../target.ts";
import { transforms } from "./winograd.ts";

export type Computed = Exclude<ConvAlgorithm, "auto">;

export interface Estimate {
  readonly algorithm: Computed;
  /** Of a training step, for each sample. */
  readonly mflop: number;
  readonly kilocycles: number;
}

export interface Choice {
  readonly algorithm: Computed;
  readonly reason: string;
  /** Of all that suit, the fastest first. */
  readonly estimates: readonly Estimate[];
}

/** Sizes of a convolution, whichever of its three operations they are read from. */
interface Geometry {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: readonly number[];
  readonly image: readonly number[];
  readonly result: readonly number[];
  readonly groups: number;
  readonly padding: readonly number[];
}

export const isConvolution = ({ op }: Value): boolean =>
  op === "conv2d" || op === "conv2d_grad_input" || op === "conv2d_grad_weight";

type Wishes = Pick<Target, "numerics" | "convolution">;

export function chooseAlgorithm(conv: Value, { numerics, convolution = "auto" }: Wishes, batch: number): Choice {
  const g = geometryOf(conv);
  const asked = (conv.attrs.algorithm ?? convolution) as ConvAlgorithm;
  const suited = CONV_ALGORITHMS.filter(
    (a): a is Computed => a !== "auto" && unsuited(a, conv.attrs, g.kernel, g.result) === null,
  );
  const estimates = suited.map((a) => estimate(a, g, batch)).sort((a, b) => a.kilocycles - b.kilocycles);
  const choice = (algorithm: Computed, reason: string): Choice => ({ algorithm, reason, estimates });
  if (asked !== "auto" && suited.includes(asked)) return choice(asked, "the model asks for it");
  if (suited.length === 1) return choice("direct", unsuited("winograd2", conv.attrs, g.kernel, g.result) ?? "");
  if (numerics === "strict") return choice("direct", "numerics = strict");
  return choice(estimates[0].algorithm, "the fastest by estimate");
}

function geometryOf(conv: Value): Geometry {
  const [first, second] = conv.inputs;
  const [x, w, y] =
    conv.op === "conv2d"
      ? [first, second, conv]
      : conv.op === "conv2d_grad_input"
        ? [conv, second, first]
        : [first, conv, second];
  const of = ({ type }: Value) => type.shape.slice(1) as number[];
  return {
    inputs: of(x)[0],
    outputs: of(y)[0],
    kernel: of(w).slice(1),
    image: of(x).slice(1),
    result: of(y).slice(1),
    groups: conv.attrs.groups as number,
    padding: conv.attrs.padding as number[],
  };
}

/** Cycles of a register tile's step (4 × 8 products), and of its beginning and end. */
const STEP = 4.4;
const TILE = 16;
/** Cycles of an operation on a vector in a transform, its loads and stores included. */
const TRANSFORM = 0.32;
/** Cycles for each pixel that is added to what overlapping patches have left. */
const OVERLAP = 0.6;
/** Cycles a step for each point of 4 weights: both transforms, packing, and the way back of the gradient. */
const WEIGHTS = 14;
/** What a sample may touch to stay in the cache, and bytes that come from memory in a cycle. */
const CACHE_BYTES = 512 * 1024;
const BYTES = 12;

const product = (rows: number, columns: number, depth: number): number =>
  Math.ceil(rows / 4) * Math.ceil(columns / 8) * (depth * STEP + TILE);

function estimate(algorithm: Computed, g: Geometry, batch: number): Estimate {
  const m = tileOf(algorithm);
  return m === null ? direct(g) : winograd(algorithm, m, g, batch);
}

function direct(g: Geometry): Estimate {
  const [inner, outer] = [g.inputs / g.groups, g.outputs / g.groups];
  const taps = g.kernel[0] * g.kernel[1];
  const [rows, columns] = g.result;
  const pixels = rows * columns;
  const forward = rows * product(columns, outer, inner * taps);
  const gradient = rows * product(columns, inner, outer * taps);
  const weights = g.kernel[0] * product(g.kernel[1] * inner, outer, pixels);
  return {
    algorithm: "direct",
    mflop: (6 * pixels * taps * inner * g.outputs) / 1e6,
    kilocycles: (g.groups * (forward + gradient + weights)) / 1e3,
  };
}

function winograd(algorithm: Computed, m: number, g: Geometry, batch: number): Estimate {
  const r = g.kernel[0];
  const points = (m + r - 1) ** 2;
  const tiles = Math.ceil(g.result[0] / m) * Math.ceil(g.result[1] / m);
  const [c, o] = [g.inputs, g.outputs];
  const products = points * (product(tiles, o, c) + product(tiles, c, o) + product(c, o, tiles));
  const t = transforms(m, r);
  const passes = (matrix: readonly (readonly number[])[]) =>
    (matrix.length + matrix[0].length) * matrix.flat().filter((x) => x !== 0).length;
  // x and dy on the way there, y and dx on the way back.
  const operations = tiles * 2 * (Math.ceil(c / 4) * passes(t.input) + Math.ceil(o / 4) * passes(t.output));
  const overlap = tiles * Math.ceil(c / 4) * points * OVERLAP;
  const weights = (points * c * o * WEIGHTS) / 4 / batch;
  const bytes = 4 * points * tiles * (c + o);
  const memory = bytes > CACHE_BYTES ? (6 * bytes) / BYTES : 0;
  return {
    algorithm,
    mflop: (6 * points * tiles * c * o + 4 * operations) / 1e6,
    kilocycles: (products + operations * TRANSFORM + overlap + weights + memory) / 1e3,
  };
}
