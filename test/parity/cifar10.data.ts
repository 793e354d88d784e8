/** The tutorial's network on the real CIFAR-10 test split in order, against PyTorch: 157 steps, and 10 epochs. */
import { describe, expect, it } from "vitest";
import { testSplit } from "./cifar10.ts";
import { goldens } from "./golden.ts";
import { EPOCH_SUM, FLOAT64, tolerancesOf } from "./tolerances.ts";
import { train, worst } from "./train.ts";

const cifar10 = testSplit();
const entries = goldens("cifar10");
const named = entries.map((golden) => [golden.name, golden] as const);

describe.each(["strict", "fast"] as const)("wasm, %s", (numerics) => {
  const held = named.filter(([, golden]) => !golden.epoch_sums && tolerancesOf(golden, numerics).length > 0);
  it.each(held)("%s", async (_, golden) => {
    const { steps } = await train(golden, "wasm", { numerics, cifar10 });
    for (const [upTo, tolerance] of tolerancesOf(golden, numerics)) {
      expect(worst(steps, golden.losses, upTo), `steps 1–${upTo}`).toBeLessThanOrEqual(tolerance);
    }
  });
});

describe("wasm, sums of epochs", () => {
  it.each(named.filter(([, golden]) => golden.epoch_sums))("%s", async (_, golden) => {
    const sums = golden.epoch_sums!;
    const { steps, epochSums } = await train(golden, "wasm", { cifar10, epochs: sums.length });
    for (const [upTo, tolerance] of tolerancesOf(golden, "strict")) {
      expect(worst(steps, golden.losses, upTo), `steps 1–${upTo}`).toBeLessThanOrEqual(tolerance);
    }
    sums.forEach((sum, epoch) => {
      expect(Math.abs(epochSums[epoch] - sum) / sum, `epoch ${epoch + 1}`).toBeLessThanOrEqual(EPOCH_SUM);
    });
  });
});

describe("JavaScript in float64", () => {
  it.each(named.filter(([name]) => /sgd_0.1|adam/.test(name)))("%s", async (_, golden) => {
    const { steps } = await train(golden, "js64", { steps: 3, cifar10 });
    expect(worst(steps, golden.losses, 3)).toBeLessThanOrEqual(FLOAT64);
  });
});
