/** Layers, losses, optimizers and schedules on small networks, step by step, against PyTorch in float64. */
import { describe, expect, it } from "vitest";
import { type Golden, goldens } from "./golden.ts";
import { type Backend, type Trained, train, worst } from "./train.ts";

/** Relative, of every loss. PyTorch's own float32 is within 1e-6 of the goldens. */
const LOSS: Readonly<Record<Backend, number>> = { wasm: 1e-5, js: 1e-5, js64: 1e-9 };
/** Of a tensor's first change, relative to the sum of its terms' sizes. */
const CHANGE: Readonly<Record<Backend, number>> = { wasm: 1e-3, js: 1e-3, js64: 1e-9 };

function checkFirstStep(golden: Golden, { firstStep }: Trained, tolerance: number): void {
  for (const [name, expected] of Object.entries(golden.first_step)) {
    const { probe, scale, rounding } = firstStep.get(name)!;
    expect(Math.abs(probe - expected), name).toBeLessThanOrEqual(tolerance * scale + rounding + 1e-12);
  }
}

/** The first batch in eval mode: its loss, and the output of sample 0. */
async function checkEvaluation(golden: Golden, { trainer, data }: Trained, tolerance: number): Promise<void> {
  const { loss, output } = golden.evaluate!;
  const count = Math.min(golden.batch, golden.samples);
  const first = Object.fromEntries(
    Object.entries(data).map(([name, column]) => [name, column.subarray(0, (column.length / golden.samples) * count)]),
  );
  const evaluated = await trainer.evaluate(first);
  expect(Math.abs(evaluated.loss - loss) / Math.abs(loss), "loss in eval mode").toBeLessThanOrEqual(tolerance);
  const prediction = await trainer.predict(first);
  const values = [...(prediction[golden.target === "label" ? "logits" : "output"] as Float32Array)].slice(0, 10);
  const size = Math.max(...output.map(Math.abs));
  output.forEach((value, i) => {
    expect(Math.abs(values[i] - value) / size, `output ${i}`).toBeLessThanOrEqual(10 * tolerance);
  });
}

const entries = [...goldens("layers"), ...goldens("random")];

for (const backend of ["wasm", "js", "js64"] as const) {
  describe(backend, () => {
    it.each(entries.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
      const tolerance = LOSS[backend];
      const trained = await train(golden, backend);
      expect(trained.steps.length).toBe(golden.losses.length);
      expect(worst(trained.steps, golden.losses), "losses").toBeLessThanOrEqual(tolerance);
      golden.rates?.forEach((rate, step) => {
        expect(Math.abs(trained.steps[step].lr! - rate), `rate of step ${step + 1}`).toBeLessThanOrEqual(1e-12);
      });
      checkFirstStep(golden, trained, CHANGE[backend]);
      await checkEvaluation(golden, trained, tolerance);
    });
  });
}
