/** Steps of data against torchvision's definitions, the random number given (test/oracle/std_transforms.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { augmenter } from "./augment.ts";
import { uniform } from "./fixtures.ts";
import { compileFor, trainerOf } from "./train.ts";

interface Golden {
  readonly steps: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

const goldens: readonly Golden[] = JSON.parse(
  readFileSync(new URL("../golden/std-transforms.json", import.meta.url), "utf8"),
);
const SHAPE = [2, 3, 7, 6];

function images(): Float32Array {
  const x = uniform("x", SHAPE, 0, 1);
  const area = 7 * 6;
  for (let c = 0; c < 3; c++) x[c * area] = 0.25;
  x[1] = x[area + 1];
  return x;
}

function difference(values: ArrayLike<number>, golden: Golden): number {
  expect(values.length).toBe(golden.values.length);
  return golden.values.reduce((most, value, i) => Math.max(most, Math.abs(values[i] - value)), 0);
}

describe.each(goldens.filter(({ steps }) => steps !== "normalize"))("$steps", (golden) => {
  it.each([
    ["wasm", 2e-6],
    ["js", 2e-6],
    ["f64", 1e-8],
  ] as const)("in %s", async (backend, tolerance) => {
    const augment = await augmenter({ steps: golden.steps, shape: SHAPE, backend });
    const { shape, data } = augment(images());
    expect(shape).toEqual(golden.shape);
    expect(difference(data, golden)).toBeLessThan(tolerance);
  });
});

it("normalize computes mean and standard deviation from the training data, in batches that do not divide it", async () => {
  const text = `
model own {
  input image: f32[3, 7, 6]
  target label: class[2]
  net { all: identity }
  loss mean(net)
  optimizer sgd(lr = 0.1)
  data synthetic { normalize }
  train { batch = 1 }
}`;
  const golden = goldens.find(({ steps }) => steps === "normalize")!;
  for (const batch of ["1", "2", "5"]) {
    const trainer = await trainerOf(compileFor(text.replace("batch = 1", `batch = ${batch}`), "wasm"));
    await expect(trainer.predict({ image: images() })).rejects.toThrow(/data\.normalize\.mean/);
    await trainer.measure({ image: images() });
    const { logits, output = logits } = await trainer.predict({ image: images() });
    expect(difference(output as Float32Array, golden)).toBeLessThan(4e-6);
  }
});
