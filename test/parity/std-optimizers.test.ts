/** The library's optimizers and schedules, step by step, against PyTorch in float64; and what constant arguments leave of them. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { hostFunction } from "../../runtime/index.ts";
import { type Golden, modelText } from "./golden.ts";
import { compileFor, train, trainerOf, worst } from "./train.ts";

const { optimizers, schedules } = JSON.parse(
  readFileSync(new URL("../golden/std-optimizers.json", import.meta.url), "utf8"),
) as { optimizers: Golden[]; schedules: { lr: string; rates: number[] }[] };

/** Relative, of the losses of 12 steps. Where a step is a sign, float32 may take another one. */
const TOLERANCE = { js64: 1e-9, wasm: 2e-5 };

describe.each(["js64", "wasm"] as const)("%s", (backend) => {
  it.each(optimizers.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
    const { steps } = await train(golden, backend);
    expect(steps.length).toBe(golden.losses.length);
    expect(worst(steps, golden.losses)).toBeLessThanOrEqual(TOLERANCE[backend]);
  });
});

const EPOCHS = 12;
const STEPS_PER_EPOCH = 3;

function model(optimizer: string, definitions = ""): string {
  return `${definitions}
model small {
  input  x: f32[7]
  target values: f32[10]
  net { fc1: linear(13); tanh; fc2: linear(10) }
  loss mse(net, values)
  optimizer ${optimizer}
  train { epochs = ${EPOCHS}, batch = 6, shuffle = false }
}`;
}

describe("schedules", () => {
  it.each(schedules.map(({ lr, rates }) => [lr, rates] as const))("%s", (text, expected) => {
    const { manifest } = compile(model(`sgd(lr = ${text})`));
    const rate = hostFunction(manifest.lr!);
    const total_steps = EPOCHS * STEPS_PER_EPOCH;
    const run = { n: 6, epochs: EPOCHS, steps_per_epoch: STEPS_PER_EPOCH, total_steps };
    expected.forEach((value, step) => {
      const found = rate({ ...run, step, epoch: Math.floor(step / STEPS_PER_EPOCH) });
      expect(Math.abs(found - value), `step ${step}`).toBeLessThanOrEqual(1e-12);
    });
  });
});
