/** What `evaluate` gives for a whole split is that of all its samples, however they fall into batches. */
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createTrainer, type Evaluation } from "../../runtime/index.ts";
import { uniform } from "../parity/fixtures.ts";

const SAMPLES = 23;
const x = uniform("x", [SAMPLES, 5], -2, 2);
const y = uniform("y", [SAMPLES, 5], -2, 2);
const label = Int32Array.from({ length: SAMPLES }, (_, i) => (i * i) % 5);

async function evaluated(heads: string, batch: number): Promise<Evaluation> {
  const source = `
    loss halves(pred: tensor, target: tensor) = (pred - target) ^ 2 / 2
    metric rounded(pred: tensor, target: tensor) { floor(pred) == floor(target) }
    model m {
      input x: f32[5]
      target y: f32[5]
      target label: class[5]
      net { fc: linear(5) }
      ${heads}
      optimizer sgd(lr = 0.1)
      train { batch = ${batch} }
    }`;
  const { manifest, executable } = compile(source);
  expect(manifest.programs.evaluate.results).toEqual([]);
  const trainer = await createTrainer(executable());
  const weight = uniform("weight", [5, 5], -1, 1);
  trainer.tensor("fc.weight").data.set(weight);
  trainer.tensor("fc.bias").data.fill(0.25);
  return trainer.evaluate({ x, y, label });
}

const figures = ({ n: _, ...results }: Evaluation): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries(results).map(([name, value]) => [name, typeof value === "number" ? [value] : [...value]]),
  );

describe.each([
  ["means", "loss mse(net, y); metric cross_entropy(net, label); metric rounded(net, y)"],
  [
    "sums",
    "loss halves(net, y, reduction = sum); metric cross_entropy(net, label, reduction = sum); metric all: sum(net)",
  ],
  ["means of unequal weights", "loss cross_entropy(net, label, weight = [1, 2, 3, 4, 50])"],
  ["functions of sums", "loss mse(net, y); metric rms: sqrt(mean((net - y) ^ 2)); metric precision(net, label)"],
  [
    "the largest",
    "loss mse(net, y); metric largest: max(net); metric least: -max(-net); metric each: max(net, axis = 0)",
  ],
  ["counts", "loss mse(net, y); metric confusion_matrix(net, label); metric macro: mean(recall(net, label))"],
  ["what is divided first", "loss sum(mean((net - y) ^ 2, axis = 1) / n); metric m: sum(net, axis = 0) / n"],
  ["what has no samples", "loss mse(net, y) + 0.1 * sum(arange(4)); metric m: sum(arange(4)) + n"],
])("%s", (_, heads) => {
  test.each([1, 4, 8, 22])("in batches of %i", async (batch) => {
    const whole = figures(await evaluated(heads, SAMPLES));
    const parts = figures(await evaluated(heads, batch));
    expect(Object.keys(parts)).toEqual(Object.keys(whole));
    for (const [name, values] of Object.entries(whole)) {
      values.forEach((value, i) => {
        expect(Math.abs(parts[name][i] - value), `${name} ${i}`).toBeLessThanOrEqual(
          1e-5 * Math.max(1, Math.abs(value)),
        );
      });
    }
  });
});

test("a figure of the batch is averaged over the batches, by their samples", async () => {
  // The mean of the batch is taken away before the samples are added up.
  const heads = "loss mse(net, y); metric spread: mean((net - mean(net, axis = 0, keepdim = true)) ^ 2)";
  const { spread } = await evaluated(heads, 1);
  expect(spread).toBe(0);
});
