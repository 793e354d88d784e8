/**
 * Drawn images of 10 classes, for first tries and tests: a light figure or pattern on a dark ground, at a random place, in
 * random size and colours, with noise. Same pixels everywhere: only integers and exact arithmetic.
 */
import type { Dataset } from "./dataset.ts";
import { TrainerError } from "./errors.ts";
import { Stream } from "./philox.ts";

/** Lightness of a figure at (u, v), counted from its centre in units of its size: 0 is the ground, 1 the figure. */
type Figure = (u: number, v: number) => number;
const square = (u: number, v: number) => Math.max(Math.abs(u), Math.abs(v));
const disc = (u: number, v: number) => u * u + v * v;
const stripe = (x: number) => Number(x - Math.floor(x) < 0.5);

const figures: readonly (readonly [name: string, figure: Figure])[] = [
  ["disc", (u, v) => Number(disc(u, v) < 1)],
  ["ring", (u, v) => Number(disc(u, v) < 1 && disc(u, v) > 0.4)],
  ["square", (u, v) => Number(square(u, v) < 0.9)],
  ["frame", (u, v) => Number(square(u, v) < 0.9 && square(u, v) > 0.55)],
  ["triangle", (u, v) => Number(v < 0.8 && v > 2 * Math.abs(u) - 1)],
  ["cross", (u, v) => Number(square(u, v) < 1 && Math.min(Math.abs(u), Math.abs(v)) < 0.3)],
  ["horizontal stripes", (_, v) => stripe(1.5 * v)],
  ["vertical stripes", (u) => stripe(1.5 * u)],
  ["diagonal stripes", (u, v) => stripe(u + v)],
  ["gradient", (u) => Math.min(1, Math.max(0, 0.5 + 0.4 * u))],
];

export interface SyntheticOptions {
  /** Default 4096. */
  readonly length?: number;
  /** Default 0. Train and test of one seed share no image. */
  readonly seed?: number;
  readonly split?: "train" | "test";
  /** Channels, height, width of one image; default 3 × 32 × 32. */
  readonly shape?: readonly number[];
}

export function synthetic(options: SyntheticOptions = {}): Dataset {
  const { length = 4096, seed = 0, split = "train", shape = [3, 32, 32] } = options;
  if (!Number.isInteger(length) || length < 1) {
    throw new TrainerError("options", `a synthetic dataset has at least one image; the length given is ${length}`);
  }
  if (shape.length !== 3 || shape.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new TrainerError(
      "options",
      `synthetic images have channels, height and width; the shape given is [${shape}]`,
    );
  }
  const stream = new Stream(seed, `synthetic ${split}`);
  const size = shape[0] * shape[1] * shape[2];
  const images = new Uint8Array(length * size);
  const labels = Uint8Array.from({ length }, (_, i) => i % figures.length);
  for (let i = 0; i < length; i++)
    draw(images.subarray(i * size, (i + 1) * size), shape, figures[labels[i]][1], stream, i);
  return { length, images, labels, shape, classes: figures.length, names: figures.map(([name]) => name) };
}

/** Draws of one image: three for its geometry, two a channel for its colours, then one for the noise of 8 pixels. */
function draw(image: Uint8Array, shape: readonly number[], figure: Figure, stream: Stream, index: number): void {
  const [channels, height, width] = shape;
  const random = (k: number) => stream.uniform(index, k);
  const radius = Math.min(height, width) * (0.22 + 0.16 * random(0));
  const left = width * (0.35 + 0.3 * random(1));
  const top = height * (0.35 + 0.3 * random(2));
  const area = height * width;
  const lightness = new Float64Array(area);
  for (let at = 0; at < area; at++) {
    const x = (at % width) + 0.5;
    const y = Math.floor(at / width) + 0.5;
    lightness[at] = figure((x - left) / radius, (y - top) / radius);
  }
  const colours = Array.from({ length: channels }, (_, c) => [
    30 + 80 * random(3 + 2 * c),
    140 + 80 * random(4 + 2 * c),
  ]);
  let noise = stream.draw(index, 3 + 2 * channels);
  for (let at = 0; at < image.length; at++) {
    if (at % 8 === 0) noise = stream.draw(index, 3 + 2 * channels + at / 8);
    const grain = ((noise[(at >> 2) & 1] >>> (8 * (at & 3))) & 255) / 8 - 16;
    const [dark, light] = colours[Math.floor(at / area)];
    image[at] = Math.round(dark + (light - dark) * lightness[at % area] + grain);
  }
}
