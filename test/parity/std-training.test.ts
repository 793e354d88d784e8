/** Groups of parameters, freezing, clipping, accumulation, averages and cycled momenta, step by step, against PyTorch in float64. */
import { describe, expect, it } from "vitest";
import { type Golden, goldens } from "./golden.ts";
import { type Trained, train, worst } from "./train.ts";

interface Entry extends Golden {
  /** Samples of the evaluated batch. */
  readonly first: number;
  readonly averaged?: NonNullable<Golden["evaluate"]>;
}

const entries = goldens("std-training") as Entry[];
const byName = (names: readonly string[]) => entries.filter(({ name }) => names.includes(name));

/** Relative: of losses; of outputs, and of the first step's effect on each tensor. */
const TOLERANCE = { js64: { loss: 1e-9, value: 1e-8 }, wasm: { loss: 2e-5, value: 1e-4 } };

const IN_FLOAT32 = [
  "groups by name",
  "frozen batch norm",
  "clipped by norm",
  "averaged with its buffers",
  "all together",
];

for (const [backend, cases] of [["js64", entries] as const, ["wasm", byName(IN_FLOAT32)] as const]) {
  const tolerance = TOLERANCE[backend];
  describe(backend, () => {
    it.each(cases.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
      const trained = await train(golden, backend);
      expect(trained.steps.length).toBe(golden.losses.length);
      expect(worst(trained.steps, golden.losses)).toBeLessThanOrEqual(tolerance.loss);
      for (const [name, expected] of Object.entries(golden.first_step)) {
        const { probe, scale, rounding } = trained.firstStep.get(name)!;
        expect(Math.abs(probe - expected), name).toBeLessThanOrEqual(tolerance.value * scale + rounding);
      }
      await checkEvaluation(golden.evaluate!, golden, trained, tolerance, false);
      if (golden.averaged) await checkEvaluation(golden.averaged, golden, trained, tolerance, true);
    });
  });
}

async function checkEvaluation(
  { loss, output }: NonNullable<Golden["evaluate"]>,
  { samples, first, target }: Entry,
  { trainer, data }: Trained,
  tolerance: { readonly loss: number; readonly value: number },
  averaged: boolean,
): Promise<void> {
  const batch = Object.fromEntries(
    Object.entries(data).map(([name, column]) => [name, column.subarray(0, (column.length / samples) * first)]),
  );
  const evaluated = await trainer.evaluate(batch, { averaged });
  expect(Math.abs(evaluated.loss - loss) / loss).toBeLessThanOrEqual(tolerance.loss);
  const prediction = await trainer.predict(batch, { averaged });
  const values = prediction[target === "label" ? "logits" : "output"] as Float32Array;
  const size = Math.max(...output.map(Math.abs));
  for (const [i, value] of output.entries()) {
    expect(Math.abs(values[i] - value) / size, `output ${i}`).toBeLessThanOrEqual(tolerance.value);
  }
}
