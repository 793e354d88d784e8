/** The tutorial's network at full size on generated images, under each head and optimizer. */
import { describe, expect, it } from "vitest";
import { goldens } from "./golden.ts";
import { FLOAT64, tolerancesOf } from "./tolerances.ts";
import { train, worst } from "./train.ts";

const entries = goldens("generated");

describe.each(["strict", "fast"] as const)("wasm, %s", (numerics) => {
  const named = entries.filter((golden) => tolerancesOf(golden, numerics).length > 0);
  it.each(named.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
    const { steps } = await train(golden, "wasm", { numerics });
    for (const [upTo, tolerance] of tolerancesOf(golden, numerics)) {
      expect(worst(steps, golden.losses, upTo), `steps 1–${upTo}`).toBeLessThanOrEqual(tolerance);
    }
  });
});

describe("JavaScript in float64", () => {
  it.each(["cross_entropy/sgd_0.1", "l1/nesterov"])("%s", async (name) => {
    const golden = entries.find((entry) => entry.name === name)!;
    const { steps } = await train(golden, "js64", { steps: 3 });
    expect(worst(steps, golden.losses, 3)).toBeLessThanOrEqual(FLOAT64);
  });
});
