/** Every model of models/: one step in WebAssembly and JavaScript against the interpreter, and training. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Compilation, compile } from "../../compiler/compile.ts";
import type { Module } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Trainer } from "../../runtime/index.ts";
import { labels, uniform } from "./fixtures.ts";
import { trainerOf } from "./train.ts";

const FOLDER = new URL("../../models/", import.meta.url);
const MODELS = readdirSync(FOLDER).filter((name) => name.endsWith(".model"));
/** Those that are compared with PyTorch step by step elsewhere, or are made of the same parts. */
const COMPARED_ELSEWHERE = ["tutorial.model", "cifar_net.model", "mlp.model", "regression.model", "resnet20.model"];
/** Narrower where the interpreter would take long. */
const WIDTHS: Record<string, string> = { "all_cnn.model": "8", "airbench94.model": "24" };
const SEED = 5;

type Options = Parameters<typeof compile>[1];

/** With plain gradient descent if that is asked for: Adam's first step makes ±lr of a gradient that is rounding alone. */
function compiled(model: string, optimizer: "descent" | "own", options: Options): Compilation {
  const source = readFileSync(new URL(model, FOLDER), "utf8");
  const text = source.replace(
    /^ {2}optimizer [^{\n]*(\{[^}]*\})?/m,
    optimizer === "own" ? "$&" : "  optimizer sgd(lr = 0.1)",
  );
  return compile(text, { ...options, overrides: model in WIDTHS ? { width: WIDTHS[model] } : {} });
}

/** Noise, and the label in the brightness of one corner; of these what the model takes. */
function batchOf(trainer: Trainer, count: number): Record<string, Float32Array | Int32Array> {
  const label = labels(count);
  const image = uniform("synthetic", [count, 3, 32, 32], 0, 0.5).map((x, i) => {
    const [sample, row, column] = [Math.floor(i / 3072), Math.floor(i / 32) % 32, i % 32];
    return row < 8 && column < 8 ? x + label[sample] / 10 : x;
  });
  return trainer.manifest.inputs.some(({ name }) => name === "label") ? { image, label } : { image };
}

const tensorOf = (shape: readonly number[], data: ArrayLike<number>) => ({
  shape: [...shape],
  data: Float64Array.from(data),
});

describe.each(MODELS.filter((model) => !COMPARED_ELSEWHERE.includes(model)))("%s", (model) => {
  it.each([
    ["js", "f64", 1e-9],
    ["wasm", "f32", 2e-3],
  ] as const)("does the interpreter's step in %s", async (backend, precision, tolerance) => {
    let module: Module | null = null;
    const observe: NonNullable<Options>["observe"] = (stage, m) => (module = stage === "differentiate" ? m : module);
    const trainer = await trainerOf(
      compiled(model, "descent", { backend, precision, numerics: "strict", observe }),
      SEED,
    );
    const batch = batchOf(trainer, 2);
    if (trainer.manifest.measures) await trainer.measure(batch);
    const before = trainer.tensors().map(({ name, shape, data }) => [name, tensorOf(shape, data)] as const);
    const expected = interpret(module!.programs.find(({ name }) => name === "train_step")!, {
      n: 2,
      seed: SEED,
      step: 0,
      host: { step: 0, epoch: 0, epochs: trainer.manifest.train.epochs, steps_per_epoch: 0, total_steps: 0 },
      tensors: new Map(before),
      inputs: new Map(trainer.manifest.inputs.map(({ name, shape }) => [name, tensorOf([2, ...shape], batch[name])])),
    });
    const { loss } = await trainer.step(batch);
    const [wanted] = expected.results.get("loss")!.data;
    expect(Math.abs(loss - wanted) / wanted).toBeLessThanOrEqual(tolerance / 100);
    for (const [name, { data: old }] of before) {
      const want = expected.updates.get(name)?.data ?? old;
      const got = trainer.tensor(name).data;
      const error = want.reduce((sum, v, i) => sum + Math.abs(got[i] - v), 0);
      const change = want.reduce((sum, v, i) => sum + Math.abs(v - old[i]), 0);
      expect(error, name).toBeLessThanOrEqual(tolerance * (change + 1e-4 * want.length));
    }
  });
});

it.each(MODELS)("%s learns", async (model) => {
  const trainer = await trainerOf(compiled(model, "own", { batch: 8 }), SEED);
  const losses: number[] = [];
  const run = trainer.fit(batchOf(trainer, 8), { epochs: 30, shuffle: false });
  for await (const { loss } of run) losses.push(loss);
  expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]);
});
