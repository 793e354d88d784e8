/** Activations and normalisations of very large, very small, infinite and undefined numbers, as PyTorch has them. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Backend, compileFor, trainerOf } from "./train.ts";

type Numbers = readonly (number | string)[];
interface Golden {
  readonly net: string;
  readonly x: Numbers;
  readonly y: Numbers;
  readonly gradient: Numbers;
}

const goldens: readonly Golden[] = JSON.parse(
  readFileSync(new URL("../golden/std-extremes.json", import.meta.url), "utf8"),
);

/** One step of sgd(lr = 1) on Σ net(x + shift) changes the shift by the gradient. */
async function outcome({ net, x }: Golden, backend: Backend): Promise<{ y: number[]; gradient: number[] }> {
  const text = `
model extremes {
  input x: f32[${x.length}]
  net { shift: shift; ${net} }
  loss whole(net, reduction = sum)
  optimizer sgd(lr = 1)
  train { batch = 1 }
}
layer shift { param weight[in.features] ~ zeros; in + weight }
loss whole(y) = y`;
  const trainer = await trainerOf(compileFor(text, backend));
  const batch = { x: Float32Array.from(x, Number) };
  const prediction = await trainer.predict(batch);
  const y = [...((prediction.output ?? prediction.logits) as Float32Array)];
  await trainer.step(batch);
  return { y, gradient: [...trainer.tensor("shift.weight").data].map((value) => -value) };
}

/** NaN and infinities must be the same; the rest is compared relative to the larger of 1 and itself. */
function expectNear(values: readonly number[], expected: Numbers, tolerance: number, what: string): void {
  expect(values.length).toBe(expected.length);
  for (const [i, e] of expected.map(Number).entries()) {
    const near = Object.is(values[i], e) || Math.abs(values[i] - e) <= tolerance * Math.max(1, Math.abs(e));
    expect(near, `${what} ${i}: ${values[i]}, not ${e}`).toBe(true);
  }
}

describe.each([
  ["js64", 1e-6, 1e-9],
  ["wasm", 2e-6, 2e-5],
] as const)("%s", (backend, forward, backward) => {
  it.each(goldens.map((golden) => [golden.net, golden.x.join(" "), golden] as const))("%s of %s", async (...given) => {
    const golden = given[2];
    const { y, gradient } = await outcome(golden, backend);
    // What `predict` gives is in float32.
    expectNear(y, golden.y, forward, "value");
    expectNear(gradient, golden.gradient, backward, "gradient");
  });
});

it("elu's gradient keeps its digits where the value has come near −alpha", async () => {
  const { gradient } = await outcome({ net: "elu", x: [-6, -12, -20], y: [], gradient: [] }, "wasm");
  for (const [i, x] of [-6, -12, -20].entries()) expect(gradient[i] / Math.exp(x)).toBeCloseTo(1, 5);
});
