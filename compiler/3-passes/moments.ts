/**
 * Mean and variance over a batch from one pass over the data.
 *
 * Σ (x − m)² with m the mean of x needs all samples before it can begin, when the first ones have left the cache. But with a
 * centre k of each sample of its own, sums over the p pixels of the sample are enough,
 *
 *     r = Σ (x − k)        Σ x over the batch        = Σ (p k + r)
 *     q = Σ (x − k)²       Σ (x − m)² over the batch = Σ q + Σ d (2 r + p d),  d = k − m
 *
 * whatever k is (Chan, Golub & LeVeque, "Algorithms for computing the sample variance", 1983, with shifted data). They keep
 * samples apart, so they run depth first behind the convolution that makes x (blocks.ts).
 *
 * Digits are lost where k is many standard deviations σ away from the sample's mean. Here k is the mean of every eighth row: at
 * least one pixel in twelve, so that |k − mean| ≤ √12 σ for all data (Cauchy–Schwarz), and a small part of σ for most.
 */
import type { Builder } from "../ir/builder.ts";
import { type Module, roots, sizeOf, topological, type Value } from "../ir/graph.ts";
import { integersAttr, otherAxes, withoutAxes } from "../ops/types.ts";
import { rebuild, rewrite } from "./rewrite.ts";
import { isCentred } from "./rules-sums.ts";
import { samplesAxis } from "./samples.ts";

/** Below this many pixels, sums of each sample are not much smaller than the sample. */
const LEAST_PIXELS = 64;
/** Of so many rows, one counts for the centre. */
const ROWS = 8;

export function shareMoments(module: Module, b: Builder): Module {
  const variances = new Set(topological(module.programs.flatMap(roots)).filter((value) => isVariance(b, value)));
  const sums = new Set([...variances].map(sumOfMean));
  return rewrite(module, b, (value, inputs) => {
    if (sums.has(value)) return new Moments(b, inputs[0], value).sum();
    if (!variances.has(value)) return rebuild(b, value, inputs);
    const [x, mean] = inputs[0].inputs[0].inputs;
    return new Moments(b, x, value).squares(mean.op === "broadcast" ? mean.inputs[0] : mean);
  });
}

/** Whether the value is Σ (x − mean x)² over the samples and enough pixels of each. */
function isVariance(b: Builder, value: Value): boolean {
  const [square] = value.inputs;
  if (value.op !== "sum" || square.op !== "mul" || square.inputs[0] !== square.inputs[1]) return false;
  const axes = integersAttr(value.attrs, "axes");
  if (!axes.includes(samplesAxis(square)) || !isCentred(b, square.inputs[0], axes)) return false;
  return pixelsOf(square, axes) >= LEAST_PIXELS;
}

/** The sum that the mean in such a sum of squares is made of. */
function sumOfMean({ inputs: [square] }: Value): Value {
  const mean = square.inputs[0].inputs[1];
  return (mean.op === "broadcast" ? mean.inputs[0] : mean).inputs[0];
}

function pixelsOf(x: Value, axes: readonly number[]): number {
  return axes.reduce(
    (product, axis) => product * (x.type.shape[axis] === "n" ? 1 : sizeOf([x.type.shape[axis]], 1)),
    1,
  );
}

class Moments {
  /** The summed axes but that of the samples. */
  private readonly within: readonly number[];
  private readonly pixels: number;
  /** Of a sum over the pixels. */
  private readonly samples: number;

  constructor(
    private readonly b: Builder,
    private readonly x: Value,
    sum: Value,
  ) {
    const axes = integersAttr(sum.attrs, "axes");
    this.within = axes.filter((axis) => axis !== samplesAxis(x));
    this.pixels = pixelsOf(x, axes);
    this.samples = withoutAxes(x.type.shape, this.within).indexOf("n");
  }

  sum(): Value {
    const { b, pixels, samples } = this;
    const { centre, r } = this.ofSamples();
    return b.sum(b.add(b.mul(centre, pixels), r), [samples]);
  }

  /** Not below 0, which rounding could lead to where all elements are equal. */
  squares(mean: Value): Value {
    const { b, pixels, samples } = this;
    const { centre, r, q } = this.ofSamples();
    const { shape } = centre.type;
    const d = b.sub(centre, b.broadcast(mean, shape, otherAxes(shape.length, [samples])));
    const shifts = b.mul(d, b.add(b.mul(r, 2), b.mul(d, pixels)));
    return b.binary("maximum", b.add(b.sum(q, [samples]), b.sum(shifts, [samples])), 0);
  }

  /** For each sample: its centre, and the sums about it. */
  private ofSamples(): { centre: Value; r: Value; q: Value } {
    const { b, x, within } = this;
    const rows = this.rows();
    const centre = b.div(b.sum(rows, within), pixelsOf(rows, within));
    const { shape } = x.type;
    const centred = b.sub(x, b.broadcast(centre, shape, otherAxes(shape.length, within)));
    return { centre, r: b.sum(centred, within), q: b.sum(b.mul(centred, centred), within) };
  }

  /** One of every eight along the longest of the summed axes, the middle one. */
  private rows(): Value {
    const { b, x, within } = this;
    const { shape } = x.type;
    const size = (axis: number) => sizeOf([shape[axis]], 1);
    const longest = within.reduce((a, c) => (size(c) > size(a) ? c : a));
    const along = (value: number, other: number) => shape.map((_, axis) => (axis === longest ? value : other));
    const middle = Math.min(ROWS, size(longest)) >> 1;
    return b.op("slice", [x], { starts: along(middle, 0), limits: shape, strides: along(ROWS, 1) });
  }
}
