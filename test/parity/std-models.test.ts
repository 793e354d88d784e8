/** The models that are made of the library's newer layers: one step in WebAssembly and JavaScript against the interpreter, and training. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { Module } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { labels, uniform } from "./fixtures.ts";
import { type Backend, compileFor, trainerOf } from "./train.ts";

const MODELS = ["mobilenet_small", "vit_tiny"];
const SEED = 5;

const source = (model: string): string => readFileSync(new URL(`../../models/${model}.model`, import.meta.url), "utf8");

/** With plain gradient descent: Adam's first step makes ±lr of a gradient that is rounding alone. */
const descending = (model: string): string => source(model).replace(/optimizer .*/, "optimizer sgd(lr = 0.1)");

/** Noise, and the label in the brightness of one corner. */
function batchOf(count: number): { image: Float32Array; label: Int32Array } {
  const label = labels(count);
  const image = uniform("synthetic", [count, 3, 32, 32], 0, 0.5).map((x, i) => {
    const [sample, row, column] = [Math.floor(i / 3072), Math.floor(i / 32) % 32, i % 32];
    return row < 8 && column < 8 ? x + label[sample] / 10 : x;
  });
  return { image, label };
}

/** The derivatives spelled out, before anything depends on the machine. */
function differentiated(model: string): Module {
  let module: Module | null = null;
  compile(descending(model), { observe: (stage, m) => (module = stage === "differentiate" ? m : module) });
  return module!;
}

const tensorOf = (shape: readonly number[], data: ArrayLike<number>) => ({
  shape: [...shape],
  data: Float64Array.from(data),
});

describe.each(MODELS)("%s", (model) => {
  const count = 2;
  const { image, label } = batchOf(count);
  const module = differentiated(model);

  it.each([
    ["js64", 1e-9],
    ["wasm", 2e-3],
  ] as [Backend, number][])("does the interpreter's step in %s", async (backend, tolerance) => {
    const trainer = await trainerOf(compileFor(descending(model), backend), SEED);
    const before = trainer.tensors().map(({ name, shape, data }) => [name, tensorOf(shape, data)] as const);
    const expected = interpret(module.programs.find(({ name }) => name === "train_step")!, {
      n: count,
      seed: SEED,
      step: 0,
      host: { step: 0, epoch: 0, epochs: trainer.manifest.train.epochs, steps_per_epoch: 0, total_steps: 0 },
      tensors: new Map(before),
      inputs: new Map([
        ["image", tensorOf([count, 3, 32, 32], image)],
        ["label", tensorOf([count], label)],
      ]),
    });
    const { loss } = await trainer.step({ image, label });
    const [wanted] = expected.results.get("loss")!.data;
    expect(Math.abs(loss - wanted) / wanted).toBeLessThanOrEqual(tolerance / 100);
    for (const [name, { data: old }] of before) {
      const want = expected.updates.get(name)!.data;
      const got = trainer.tensor(name).data;
      const error = want.reduce((sum, v, i) => sum + Math.abs(got[i] - v), 0);
      const change = want.reduce((sum, v, i) => sum + Math.abs(v - old[i]), 0);
      expect(error, name).toBeLessThanOrEqual(tolerance * (change + 1e-4 * want.length));
    }
  });

  it("learns", async () => {
    const trainer = await trainerOf(compileFor(source(model), "wasm"), SEED);
    const batch = batchOf(8);
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) losses.push((await trainer.step(batch)).loss);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]);
  });
});
