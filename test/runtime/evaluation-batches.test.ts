/** Evaluations in several batches. */
import { expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createTrainer } from "../../runtime/index.ts";

it("adds up the losses of the samples where a batch's own statistics are computed before", async () => {
  const source = `model statistics {
  input x: f32[4, 2]
  net { batch_norm1d(track_running_stats = false) }
  loss mean(net ^ 2)
  optimizer sgd(lr = 1)
  train { batch = 4 }
}`;
  const trainer = await createTrainer(compile(source).executable());
  const x = Float32Array.from({ length: 8 * 8 }, (_, i) => Math.sin(i * i));
  const halves = [x.subarray(0, 32), x.subarray(32)];
  const losses = await Promise.all(halves.map(async (half) => (await trainer.evaluate({ x: half })).loss as number));
  const { loss } = await trainer.evaluate({ x });
  expect(loss).toBeCloseTo((losses[0] + losses[1]) / 2, 5);
});
