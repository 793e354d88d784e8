/** Initial values of tensors: a function of the seed and the tensor's name alone; what is drawn is the same in float32 and float64. */
import type { Init, ManifestTensor } from "./abi.ts";
import { cos, erf, erfinv, log } from "./math.ts";
import { orthonormal } from "./orthonormal.ts";
import { Stream } from "./philox.ts";

type Floats = Float32Array | Float64Array;
/** The value at a place of the tensor, in row-major order. */
type Sample = (index: number) => number;

export function initialise(
  into: Floats,
  { name, shape, init }: Pick<ManifestTensor, "name" | "shape" | "init">,
  seed: number,
): void {
  if (init.kind === "constant") {
    into.fill(init.value);
    return;
  }
  const sample = sampleOf(init, shape, (purpose) => new Stream(seed, `${purpose} ${name}`));
  for (let i = 0; i < into.length; i++) into[i] = Math.fround(sample(i));
}

function sampleOf(
  init: Exclude<Init, { kind: "constant" }>,
  shape: readonly number[],
  streamFor: (purpose: string) => Stream,
): Sample {
  switch (init.kind) {
    case "uniform":
      return uniform(streamFor("init"), init.low, init.high);
    case "normal":
      return normal(streamFor("init"), init.mean, init.std);
    case "trunc_normal":
      return truncNormal(streamFor("init"), init);
    case "orthogonal":
      return orthogonal(streamFor("init"), shape, init.gain);
    case "identity":
      return identity(shape, init.groups);
    case "table":
      return table(normal(streamFor("init"), 0, 1), shape, init.empty);
    case "sparse":
      return sparse(normal(streamFor("init"), 0, init.std), streamFor("init zeros"), shape, init.sparsity);
    default:
      return init satisfies never;
  }
}

function uniform(stream: Stream, low: number, high: number): Sample {
  return (index) => low + (high - low) * stream.uniform(index);
}

/** Box and Muller: √(−2 log u) · cos 2πv, with u in (0, 1) and v in [0, 1). */
function normal(stream: Stream, mean: number, std: number): Sample {
  return (index) => {
    const [first, second] = stream.draw(index);
    const u = (first + 0.5) / 0x1_0000_0000;
    return mean + std * Math.sqrt(-2 * log(u)) * cos((second / 0x1_0000_0000) * 6.283185307179586);
  };
}

/** The inverse of the distribution function, x = √2 · erf⁻¹(2Φ − 1), at values between those at the bounds. */
function truncNormal(
  stream: Stream,
  { mean, std, low, high }: Pick<Extract<Init, { kind: "trunc_normal" }>, "mean" | "std" | "low" | "high">,
): Sample {
  const [from, to] = [low, high].map((bound) => erf((bound - mean) / (std * Math.SQRT2)));
  return (index) => {
    const u = (stream.draw(index)[0] + 0.5) / 0x1_0000_0000;
    const value = mean + std * Math.SQRT2 * erfinv(from + (to - from) * u);
    return Math.min(Math.max(value, low), high);
  };
}

function orthogonal(stream: Stream, [rows, ...rest]: readonly number[], gain: number): Sample {
  const columns = rest.reduce((a, b) => a * b, 1);
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const vectors = orthonormal(count, length, normal(stream, 0, 1));
  return (index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    return gain * (rows <= columns ? vectors[row][column] : vectors[column][row]);
  };
}

/** For a matrix, 1 on the diagonal; for a convolution the kernel that lets each channel through (PyTorch: eye_, dirac_). */
function identity([outputs, inputs, ...window]: readonly number[], groups: number): Sample {
  const size = window.reduce((a, b) => a * b, 1);
  const middle = window.reduce((at, extent) => at * extent + Math.floor(extent / 2), 0);
  const group = outputs / groups;
  return (index) => {
    const [channel, at] = [Math.floor(index / size), index % size];
    const same = Math.floor(channel / inputs) % group === channel % inputs;
    return same && at === middle ? 1 : 0;
  };
}

function table(values: Sample, [, ...rest]: readonly number[], empty: number): Sample {
  const columns = rest.reduce((a, b) => a * b, 1);
  return (index) => (Math.floor(index / columns) === empty ? 0 : values(index));
}

function sparse(values: Sample, stream: Stream, [rows, columns]: readonly number[], sparsity: number): Sample {
  const zeros = Math.ceil(sparsity * rows);
  const chosen = Array.from({ length: columns }, (_, column) => subset(stream, column, rows, zeros));
  return (index) => (chosen[index % columns].has(Math.floor(index / columns)) ? 0 : values(index));
}

/** `count` of the numbers below `size`, each subset equally likely (R. Floyd). */
function subset(stream: Stream, place: number, size: number, count: number): Set<number> {
  const chosen = new Set<number>();
  for (let last = size - count; last < size; last++) {
    const drawn = Math.floor(stream.uniform(place, last) * (last + 1));
    chosen.add(chosen.has(drawn) ? last : drawn);
  }
  return chosen;
}
