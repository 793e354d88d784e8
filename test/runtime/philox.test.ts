import { expect, test } from "vitest";
import { initialise } from "../../runtime/init.ts";
import { philox2x32, Stream } from "../../runtime/philox.ts";
import { permutation } from "../../runtime/shuffle.ts";

const philox = (c0: number, c1: number, key: number) => {
  const out = new Uint32Array(2);
  philox2x32(c0, c1, key, out);
  return [...out];
};
const sample = (kind: "uniform" | "normal", name = "w", seed = 0, length = 20000) => {
  const into = new Float32Array(length);
  const init = kind === "uniform" ? ({ kind, low: -0.5, high: 1.5 } as const) : ({ kind, mean: 1, std: 2 } as const);
  initialise(into, { name, init, shape: [length] }, seed);
  return into;
};
const mean = (x: ArrayLike<number>) => Array.from(x).reduce((a, b) => a + b, 0) / x.length;
const variance = (x: ArrayLike<number>) => mean(Array.from(x, (v) => v * v)) - mean(x) ** 2;

test("Philox2x32-10 gives the known answers of its authors", () => {
  expect(philox(0, 0, 0)).toEqual([0xff1dae59, 0x6cd10df2]);
  expect(philox(0xffffffff, 0xffffffff, 0xffffffff)).toEqual([0x2c3f628b, 0xab4fd7ad]);
  expect(philox(0x243f6a88, 0x85a308d3, 0x13198a2e)).toEqual([0xdd7ce038, 0xf62a4c12]);
});

test("streams of other purposes and seeds differ", () => {
  const first = (seed: number, purpose: string) => new Stream(seed, purpose).uniform(0);
  const values = [first(0, "a"), first(1, "a"), first(0, "b"), first(0, "ab"), new Stream(0, "a").uniform(1)];
  expect(new Set(values).size).toBe(values.length);
});

test("uniform and normal tensors have the moments of their distribution", () => {
  const uniform = sample("uniform");
  expect(mean(uniform)).toBeCloseTo(0.5, 1);
  expect(variance(uniform)).toBeCloseTo(1 / 3, 1);
  expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-0.5);
  expect(Math.max(...uniform)).toBeLessThanOrEqual(1.5);
  const normal = sample("normal");
  expect(mean(normal)).toBeCloseTo(1, 1);
  expect(Math.abs(variance(normal) - 4)).toBeLessThan(0.15);
  const beyond = normal.filter((x) => Math.abs(x - 1) > 4).length / normal.length;
  expect(Math.abs(beyond - 0.0455)).toBeLessThan(0.006);
});

test("an element depends on the seed and the name, not on the size or the precision", () => {
  expect([...sample("normal", "w", 3, 8)]).toEqual([...sample("normal", "w", 3, 100).subarray(0, 8)]);
  const doubles = new Float64Array(8);
  initialise(doubles, { name: "w", init: { kind: "normal", mean: 1, std: 2 }, shape: [8] }, 3);
  expect([...doubles]).toEqual([...sample("normal", "w", 3, 8)]);
  expect([...sample("normal", "v", 3, 8)]).not.toEqual([...doubles]);
});

test("the first weights of a seed never change", () => {
  expect([...sample("uniform", "conv1.weight", 1, 3)]).toMatchInlineSnapshot(`
    [
      0.9818899035453796,
      0.9063490033149719,
      -0.2913800776004791,
    ]
  `);
  expect([...sample("normal", "conv1.weight", 1, 3)]).toMatchInlineSnapshot(`
    [
      -0.3459446430206299,
      -0.39787429571151733,
      -2.9813222885131836,
    ]
  `);
  expect([...permutation(8, 1, 0)]).toMatchInlineSnapshot(`
    [
      5,
      6,
      3,
      1,
      7,
      2,
      0,
      4,
    ]
  `);
});

test("a permutation holds every index once, and is another each epoch and seed", () => {
  const sorted = [...permutation(1000, 5, 2)].sort((a, b) => a - b);
  expect(sorted).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect([...permutation(1000, 5, 3)]).not.toEqual([...permutation(1000, 5, 2)]);
  expect([...permutation(1000, 6, 2)]).not.toEqual([...permutation(1000, 5, 2)]);
  expect([...permutation(1, 0, 0)]).toEqual([0]);
});

test("every place is equally likely for the first sample", () => {
  const counts = new Array(8).fill(0);
  for (let epoch = 0; epoch < 4000; epoch++) counts[permutation(8, 0, epoch).indexOf(0)]++;
  for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(100);
});
