/** Initial values of tensors: a function of the seed and the tensor's name alone; what is drawn is the same in float32 and float64. */
import type { Init, ManifestTensor } from "./abi.ts";
import { cos, erf, erfinv, log } from "./math.ts";
import { orthonormal } from "./orthonormal.ts";
import { Stream } from "./philox.ts";

type Floats = Float32Array | Float64Array;
/** Writes the values from a place of the tensor on, in row-major order. */
type Fill = (values: Float64Array, from: number) => void;

/** Values are made so many at a time. */
const BLOCK = 512;

export function initialise(
  into: Floats,
  { name, shape, init }: Pick<ManifestTensor, "name" | "shape" | "init">,
  seed: number,
): void {
  if (init.kind === "constant") {
    into.fill(init.value);
    return;
  }
  const fill = fillOf(init, shape, (purpose) => new Stream(seed, `${purpose} ${name}`));
  const block = new Float64Array(Math.min(BLOCK, into.length));
  for (let from = 0; from < into.length; from += BLOCK) {
    const values = block.subarray(0, into.length - from);
    fill(values, from);
    for (let i = 0; i < values.length; i++) into[from + i] = Math.fround(values[i]);
  }
}

function fillOf(
  init: Exclude<Init, { kind: "constant" }>,
  shape: readonly number[],
  streamFor: (purpose: string) => Stream,
): Fill {
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

/** Each value from its place alone. */
function each(value: (index: number) => number): Fill {
  return (values, from) => {
    for (let i = 0; i < values.length; i++) values[i] = value(from + i);
  };
}

/** Each value from two random words. */
function drawn(stream: Stream, value: (first: number, second: number) => number): Fill {
  return (values, from) => {
    const words = new Uint32Array(2 * values.length);
    stream.fill(words, from);
    for (let i = 0; i < values.length; i++) values[i] = value(words[2 * i], words[2 * i + 1]);
  };
}

/** Where `condition` holds, 0. */
function zeroed(fill: Fill, condition: (index: number) => boolean): Fill {
  return (values, from) => {
    fill(values, from);
    for (let i = 0; i < values.length; i++) if (condition(from + i)) values[i] = 0;
  };
}

/** In [0, 1). */
const fraction = (word: number): number => word / 0x1_0000_0000;
/** In (0, 1). */
const inner = (word: number): number => fraction(word + 0.5);

function uniform(stream: Stream, low: number, high: number): Fill {
  return drawn(stream, (first) => low + (high - low) * fraction(first));
}

/** Box and Muller: √(−2 log u) · cos 2πv, with u in (0, 1) and v in [0, 1). */
function normal(stream: Stream, mean: number, std: number): Fill {
  return drawn(stream, (first, second) => {
    return mean + std * Math.sqrt(-2 * log(inner(first))) * cos(fraction(second) * 6.283185307179586);
  });
}

/** The inverse of the distribution function, x = √2 · erf⁻¹(2Φ − 1), at values between those at the bounds. */
function truncNormal(
  stream: Stream,
  { mean, std, low, high }: Pick<Extract<Init, { kind: "trunc_normal" }>, "mean" | "std" | "low" | "high">,
): Fill {
  const [from, to] = [low, high].map((bound) => erf((bound - mean) / (std * Math.SQRT2)));
  return drawn(stream, (first) => {
    const value = mean + std * Math.SQRT2 * erfinv(from + (to - from) * inner(first));
    return Math.min(Math.max(value, low), high);
  });
}

function orthogonal(stream: Stream, [rows, ...rest]: readonly number[], gain: number): Fill {
  const columns = rest.reduce((a, b) => a * b, 1);
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const samples = new Float64Array(count * length);
  normal(stream, 0, 1)(samples, 0);
  const vectors = orthonormal(count, length, samples);
  return each((index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    return gain * (rows <= columns ? vectors[row][column] : vectors[column][row]);
  });
}

/** For a matrix, 1 on the diagonal; for a convolution the kernel that lets each channel through (PyTorch: eye_, dirac_). */
function identity([outputs, inputs, ...window]: readonly number[], groups: number): Fill {
  const size = window.reduce((a, b) => a * b, 1);
  const middle = window.reduce((at, extent) => at * extent + Math.floor(extent / 2), 0);
  const group = outputs / groups;
  return each((index) => {
    const [channel, at] = [Math.floor(index / size), index % size];
    const same = Math.floor(channel / inputs) % group === channel % inputs;
    return same && at === middle ? 1 : 0;
  });
}

function table(fill: Fill, [, ...rest]: readonly number[], empty: number): Fill {
  const columns = rest.reduce((a, b) => a * b, 1);
  return zeroed(fill, (index) => Math.floor(index / columns) === empty);
}

function sparse(fill: Fill, stream: Stream, [rows, columns]: readonly number[], sparsity: number): Fill {
  const zeros = Math.ceil(sparsity * rows);
  const chosen = Array.from({ length: columns }, (_, column) => subset(stream, column, rows, zeros));
  return zeroed(fill, (index) => chosen[index % columns].has(Math.floor(index / columns)));
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
