/** The initial weights have PyTorch's default distribution: U(−b, b) with b = 1/√fan_in, for weights and biases alike. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compileFor, trainerOf } from "./train.ts";

const text = readFileSync(new URL("../../models/tutorial.model", import.meta.url), "utf8");
const FAN_IN: Readonly<Record<string, number>> = { conv1: 3 * 25, conv2: 32 * 25, conv3: 32 * 25, fc1: 1024, fc2: 64 };

/** The largest distance of the sample's distribution function from that of U(0, 1), times √n (Kolmogorov, Smirnov). */
function kolmogorovSmirnov(sample: readonly number[]): number {
  const n = sample.length;
  const sorted = [...sample].sort((a, b) => a - b);
  const distances = sorted.map((u, i) => Math.max(u - i / n, (i + 1) / n - u));
  return Math.max(...distances) * Math.sqrt(n);
}

/** Exceeded with probability 0.001. */
const KS_LIMIT = 1.95;

describe("initial weights", () => {
  const compilation = compileFor(text, "wasm");

  it.each([1, 2])("are uniform within ±1/√fan_in, seed %i", async (seed) => {
    const trainer = await trainerOf(compilation, seed);
    for (const { name, data } of trainer.parameters()) {
      const bound = 1 / Math.sqrt(FAN_IN[name.split(".")[0]]);
      const units = [...data].map((value) => (value / bound + 1) / 2);
      expect(Math.min(...units), name).toBeGreaterThanOrEqual(-1e-6);
      expect(Math.max(...units), name).toBeLessThanOrEqual(1 + 1e-6);
      const mean = units.reduce((a, b) => a + b) / units.length;
      const variance = units.reduce((sum, u) => sum + (u - 0.5) ** 2, 0) / units.length;
      const deviations = 4 / Math.sqrt(units.length);
      expect(Math.abs(mean - 1 / 2), name).toBeLessThan(deviations * Math.sqrt(1 / 12));
      expect(Math.abs(variance - 1 / 12), name).toBeLessThan(deviations * Math.sqrt(1 / 180));
      expect(kolmogorovSmirnov(units), name).toBeLessThan(KS_LIMIT);
    }
  });

  it("differ between tensors and between seeds", async () => {
    const first = await trainerOf(compilation, 1);
    const second = await trainerOf(compilation, 2);
    const values = [...first.parameters(), ...second.parameters()].map(({ data }) => data.slice(0, 4).join());
    expect(new Set(values).size).toBe(values.length);
  });

  it("of a normalisation are 1 and 0, with running statistics 0 and 1", async () => {
    const net = "net { bn1: batch_norm2d; flatten; fc: linear(10) }";
    const heads = "loss cross_entropy(net, label); optimizer sgd(lr = 0.1); train { batch = 4 }";
    const inputs = "input x: f32[3, 4, 4]; target label: class[10]";
    const trainer = await trainerOf(compileFor(`model m { ${inputs}; ${net}; ${heads} }`, "wasm"));
    const expected = { "bn1.weight": 1, "bn1.bias": 0, "bn1.running_mean": 0, "bn1.running_var": 1 };
    for (const [name, value] of Object.entries(expected)) {
      expect([...trainer.tensor(name).data], name).toEqual([value, value, value]);
    }
  });
});
