/** The library's layers against PyTorch's modules: values, gradients, three steps and eval mode (test/oracle/std_layer*.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encodeSafetensors, type Trainer } from "../../runtime/index.ts";
import { uniform } from "./fixtures.ts";
import { type Backend, compileFor, trainerOf } from "./train.ts";

interface Golden {
  readonly net: string;
  /** Of one sample. */
  readonly shape: readonly number[];
  readonly batch: number;
  readonly output: readonly number[];
  readonly ties?: true;
  readonly tokens?: number;
  readonly losses: readonly number[];
  /** For each tensor, Σ change · probe of the first step. */
  readonly changes: Readonly<Record<string, number>>;
  readonly evaluated: number;
}

const goldens: readonly Golden[] = ["std-layers", "std-layer-arguments"].flatMap((name) =>
  JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), "utf8")),
);

/** Samples that there is room for, but that the batch does not have: as in an epoch's last batch. */
const spareOf = ({ net }: Golden): number => net.length % 3;

function modelText(golden: Golden): string {
  const { net, shape, batch, output, tokens } = golden;
  const spare = spareOf(golden);
  return `
model parity {
  input x: ${tokens ? "i32" : "f32"}[${shape.join(", ")}]
  target probe: f32[${output.join(", ")}]
  net {
    ${tokens ? "" : "shift: shift"}
    ${net}
  }
  loss weighted(net, probe, reduction = sum)
  optimizer sgd(lr = 0.05)
  train { epochs = 1, batch = ${batch + spare}, shuffle = false }
}
${tokens ? "" : `layer shift { param weight[${shape.join(", ")}] ~ zeros; in + weight }`}
loss weighted(pred: tensor, target: tensor) = pred * target
`;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function inputOf({ shape, batch, ties, tokens }: Golden): Float32Array | Int32Array {
  const x = uniform("x", [batch, ...shape], -2, 2);
  if (tokens) return Int32Array.from(x, (v) => Math.trunc(Math.abs(v) * 100) % tokens);
  return ties ? x.map((v) => Math.floor(Math.abs(v) * 1.49)) : x;
}

async function trainerFor(golden: Golden, backend: Backend): Promise<Trainer> {
  const trainer = await trainerOf(compileFor(modelText(golden), backend));
  const weights = trainer
    .parameters()
    .map(({ name, shape }) => ({ name, shape, data: uniform(name, shape, -0.7, 0.7) }));
  const buffers = trainer.tensors().filter(({ kind }) => kind === "buffer");
  await trainer.load(encodeSafetensors([...weights, ...buffers]));
  return trainer;
}

/** Relative to the size of the terms, which is about the root of their number. */
const TOLERANCE: Readonly<Record<string, number>> = { wasm: 3e-5, js64: 1e-9 };

async function check(golden: Golden, backend: "wasm" | "js64"): Promise<void> {
  const tolerance = TOLERANCE[backend];
  const near = (actual: number, expected: number, terms: number, what: string): void => {
    const error = Math.abs(actual - expected) / (Math.sqrt(terms) + Math.abs(expected));
    expect(error, `${what}: ${actual}, not ${expected}`).toBeLessThanOrEqual(tolerance);
  };
  const trainer = await trainerFor(golden, backend);
  const results = golden.batch * product(golden.output);
  const batch = { x: inputOf(golden), probe: uniform("probe", [golden.batch, ...golden.output], -1, 1) };
  const before = trainer.tensors().map(({ name, shape, data }) => ({ name, shape, data: Float64Array.from(data) }));
  const names = before.map(({ name }) => name).filter((name) => !name.endsWith("num_batches_tracked"));
  expect(names.sort()).toEqual(Object.keys(golden.changes).sort());
  for (const [step, expected] of golden.losses.entries()) {
    const { loss } = await trainer.step(batch);
    near(loss, expected, results, `loss of step ${step + 1}`);
    if (step > 0) continue;
    for (const { name, shape, data: old } of before) {
      if (!(name in golden.changes)) continue;
      const pattern = uniform("change", shape, -1, 1);
      const { data } = trainer.tensor(name);
      const change = old.reduce((sum, value, i) => sum + (data[i] - value) * pattern[i], 0);
      near(change, golden.changes[name], old.length, name);
    }
  }
  near((await trainer.evaluate(batch)).loss, golden.evaluated, results, "loss in eval mode");
}

describe("js64", () => {
  it.each(
    goldens.map(
      (golden) =>
        [
          `${golden.net} on [${golden.batch}, ${golden.shape.join(", ")}]${golden.ties ? " with ties" : ""}`,
          golden,
        ] as const,
    ),
  )("%s", (_, golden) => check(golden, "js64"));
});

describe("wasm", () => {
  it.each(goldens.filter((_, i) => i % 3 === 0).map((golden) => [golden.net, golden] as const))("%s", (_, golden) =>
    check(golden, "wasm"),
  );
});
