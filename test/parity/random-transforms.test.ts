/** Random steps of data: what they make of an image, how often, and that seed and step alone decide it. */
import { describe, expect, it } from "vitest";
import { augmenter } from "./augment.ts";
import { uniform } from "./fixtures.ts";

const [N, C, H, W] = [50, 2, 6, 7];
const SHAPE = [N, C, H, W];
const images = uniform("images", SHAPE, 0.1, 1);
const STEPS = 20;

type Pixel = (c: number, y: number, x: number) => number;

/** The images after the steps in `STEPS` training steps, and what they were. */
async function* drawn(steps: string, height = H, width = W): AsyncGenerator<{ before: Pixel; after: Pixel }> {
  const augment = await augmenter({ steps, shape: SHAPE });
  for (let step = 0; step < STEPS; step++) {
    const { shape, data } = augment(images, { step });
    expect(shape).toEqual([N, C, height, width]);
    for (let i = 0; i < N; i++) {
      yield {
        before: (c, y, x) => images[((i * C + c) * H + y) * W + x],
        after: (c, y, x) => data[((i * C + c) * height + y) * width + x],
      };
    }
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const same = (height: number, width: number, a: Pixel, b: Pixel): boolean =>
  range(C).every((c) => range(height).every((y) => range(width).every((x) => a(c, y, x) === b(c, y, x))));

/** Pearson's χ² of counts that should be equal, less its mean, in standard deviations. */
function unevenness(counts: readonly number[]): number {
  const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
  const chi2 = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  return (chi2 - (counts.length - 1)) / Math.sqrt(2 * (counts.length - 1));
}

const mirrored = (i: number, size: number): number => (i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i);
const edge = (i: number, size: number): number => Math.min(Math.max(i, 0), size - 1);

describe.each([
  ["zeros", 2, () => Number.NaN],
  ["reflect", 2, mirrored],
  ["replicate", 3, edge],
] as const)("random_crop, padded with %s", (mode, padding, inside) => {
  it("is an explicit crop, each offset as often as any other", async () => {
    const at = (pixel: Pixel, top: number, left: number): Pixel => {
      const place = (i: number, size: number) => (i < 0 || i >= size ? inside(i, size) : i);
      return (c, y, x) => {
        const [row, column] = [place(y + top, H), place(x + left, W)];
        return Number.isNaN(row + column) ? 0 : pixel(c, row, column);
      };
    };
    const offsets = range(2 * padding + 1).map((i) => i - padding);
    const counts = new Map(offsets.flatMap((top) => offsets.map((left) => [`${top} ${left}`, 0])));
    for await (const { before, after } of drawn(`random_crop(padding = ${padding}, padding_mode = ${mode})`)) {
      const found = [...counts.keys()].filter((key) => {
        const [top, left] = key.split(" ").map(Number);
        return same(H, W, after, at(before, top, left));
      });
      expect(found.length).toBe(1);
      counts.set(found[0], counts.get(found[0])! + 1);
    }
    expect(Math.abs(unevenness([...counts.values()]))).toBeLessThan(3.5);
  });
});

it("random_crop to a smaller size takes every part as often as any other, and in evaluation the middle", async () => {
  const counts = new Map<string, number>();
  for await (const { before, after } of drawn("random_crop([4, 3])", 4, 3)) {
    const places = range(3).flatMap((top) => range(5).map((left) => [top, left]));
    const found = places.filter(([top, left]) => same(4, 3, after, (c, y, x) => before(c, y + top, x + left)));
    expect(found.length).toBe(1);
    counts.set(String(found[0]), (counts.get(String(found[0])) ?? 0) + 1);
  }
  expect(counts.size).toBe(15);
  expect(Math.abs(unevenness([...counts.values()]))).toBeLessThan(3.5);
});

it.each([0.5, 0.2])("random_flip mirrors a share of %f", async (p) => {
  let flipped = 0;
  for await (const { before, after } of drawn(`random_flip(p = ${p})`)) {
    const isFlipped = same(H, W, after, (c, y, x) => before(c, y, W - 1 - x));
    expect(isFlipped || same(H, W, after, before)).toBe(true);
    flipped += Number(isFlipped);
  }
  const total = N * STEPS;
  expect(Math.abs(flipped - p * total)).toBeLessThan(3.5 * Math.sqrt(total * p * (1 - p)));
});

it("cutout fills a square around any pixel, cut off at the edge, in all channels", async () => {
  const counts = new Map<string, number>();
  for await (const { before, after } of drawn("cutout(3, fill = -1)")) {
    const rows = range(H).filter((y) => range(W).some((x) => after(0, y, x) === -1));
    const columns = range(W).filter((x) => range(H).some((y) => after(0, y, x) === -1));
    const hole: Pixel = (c, y, x) => (rows.includes(y) && columns.includes(x) ? -1 : before(c, y, x));
    expect(same(H, W, after, hole)).toBe(true);
    const centre = (places: readonly number[]) => (places[0] === 0 ? places[places.length - 1] - 1 : places[0] + 1);
    const key = `${centre(rows)} ${centre(columns)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(H * W);
  expect(Math.abs(unevenness([...counts.values()]))).toBeLessThan(3.5);
});

it("color_jitter draws its factor evenly from its range", async () => {
  const augment = await augmenter({ steps: "color_jitter(brightness = 0.4)", shape: [N, 1, 2, 2] });
  const factors = range(STEPS).flatMap((step) => {
    const { data } = augment(new Float32Array(N * 4).fill(0.5), { step });
    return range(N).map((i) => data[4 * i] / 0.5);
  });
  expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.6);
  expect(Math.max(...factors)).toBeLessThanOrEqual(1.4);
  const tenths = range(10).map((k) => factors.filter((f) => Math.floor((f - 0.6) / 0.08) === k).length);
  expect(Math.abs(unevenness(tenths))).toBeLessThan(3.5);
});

const ALL = "random_crop(padding = 2, padding_mode = reflect); random_flip; cutout(3)";

it("gives the same for the same seed and step, and else something else; in JavaScript as in WebAssembly", async () => {
  const wasm = await augmenter({ steps: ALL, shape: SHAPE });
  const js = await augmenter({ steps: ALL, shape: SHAPE, backend: "js" });
  const first = wasm(images, { seed: 3, step: 5 }).data;
  expect(wasm(images, { seed: 3, step: 5 }).data).toEqual(first);
  expect(js(images, { seed: 3, step: 5 }).data).toEqual(first);
  expect(wasm(images, { seed: 3, step: 6 }).data).not.toEqual(first);
  expect(wasm(images, { seed: 4, step: 5 }).data).not.toEqual(first);
});

it("fills with zeros of the values as they are where the step stands", async () => {
  const after = await augmenter({ steps: "scale(2, offset = 3); random_crop(padding = 2)", shape: SHAPE });
  const before = await augmenter({ steps: "random_crop(padding = 2); scale(2, offset = 3)", shape: SHAPE });
  const [a, b] = [after(images).data, before(images).data];
  const filled = a.map((value) => (value === 0 ? 3 : value));
  expect(b).toEqual(filled);
  expect(a).toContain(0);
  expect(b).not.toContain(0);
});
