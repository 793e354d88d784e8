/** JavaScript's numbers are float64, what is stored is float32: a value is the same number in every kernel that computes it anew. */
import { expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createTrainer } from "../../runtime/index.ts";
import { loadJs } from "../fuzz/backends.ts";

// Nothing stores the products, which have more digits than a float32: what is stored is their maximum.
const MODEL = `model rounding {
  input x: f32[2, 9]
  net { factor }
  loss mean((net - max(net, axis = 2, keepdim = true)) ^ 2)
  metric largest: sum(where(net == max(net, axis = 2, keepdim = true), 1, 0)) / n
  metric without_distance: sum(where(net - max(net, axis = 2, keepdim = true) == 0, 1, 0)) / n
  metric smaller: sum(where(net < max(net, axis = 2, keepdim = true), 1, 0)) / n
  optimizer sgd(lr = 1)
}
layer factor {
  param weight[in.shape[1]] ~ uniform(0.5, 1.5)
  in * reshape(weight, [in.shape[1], 1])
}
`;

const SAMPLES = 3;
const x = Float32Array.from({ length: SAMPLES * 18 }, (_, i) => Math.sin(7 * i + 1));

async function weightAfterStep(backend: "js" | "wasm"): Promise<number[]> {
  const trainer = await createTrainer(compile(MODEL, { backend }).executable(loadJs), { seed: 3 });
  await trainer.step({ x });
  return [...trainer.tensor("factor.weight").data];
}

it("the gradient of a maximum goes to the element that is it", async () => {
  const [js, wasm] = [await weightAfterStep("js"), await weightAfterStep("wasm")];
  for (const [i, value] of js.entries()) expect(value).toBeCloseTo(wasm[i], 5);
});

it("one element of each row is its maximum, at no distance from it, and the others are smaller", async () => {
  const trainer = await createTrainer(compile(MODEL, { backend: "js" }).executable(loadJs), { seed: 3 });
  expect(await trainer.evaluate({ x })).toMatchObject({ largest: 2, without_distance: 2, smaller: 16 });
});

it("a constant is the number that is stored of it", async () => {
  const source = `model constants {
  input x: f32[4]
  net { threshold(0.1, value = -0.3) }
  loss mean(net ^ 2)
  metric above: sum(where(net - min(net, axis = 1, keepdim = true) > 0, 1, 0)) / n
  optimizer sgd(lr = 1)
}`;
  const trainer = await createTrainer(compile(source, { backend: "js" }).executable(loadJs));
  expect(await trainer.evaluate({ x: Float32Array.of(0, -1, 0.5, 0.05, -2, 0, 0, 0) })).toMatchObject({ above: 0.5 });
});
