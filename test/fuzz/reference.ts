/**
 * What the interpreter makes of a model's training, in float64 and without any simplification, and how far rounding would reach:
 * the same steps with noise of one rounding error on the result of every operation (Monte Carlo arithmetic). Where a value is
 * rounding noise through and through, as the gradient of a bias in front of a batch norm, or where a kink is near, the noisy
 * runs differ as much as a backend may.
 */
import { parse } from "../../compiler/1-parse/parse.ts";
import { elaborate } from "../../compiler/2-elaborate/elaborate.ts";
import { differentiate } from "../../compiler/3-passes/differentiate.ts";
import type { Module, Value } from "../../compiler/ir/graph.ts";
import { type InterpretEnv, interpret } from "../../compiler/ir/interpret.ts";
import { opNamed } from "../../compiler/ops/index.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { type Columns, createTrainer } from "../../runtime/index.ts";
import { Compilations, loadJs } from "./backends.ts";
import { modelText, type RandomModel } from "./program.ts";
import { Random } from "./random.ts";

export const SEED = 5;
const EPOCHS = 2;
export const STEPS = 3;

/** Values by name: `loss`, tensors of the model, results of other programs. */
export type Values = ReadonlyMap<string, Tensor>;

/** A call of a program: all that it starts from, and what it should give. */
export interface Call {
  readonly title: string;
  readonly expected: Values;
  /** For the rounding errors `2^-bits`: how far noisy runs lie from the expected, at most. */
  spread(bits: number, runs: number): ReadonlyMap<string, number>;
}

export interface Reference {
  readonly compilations: Compilations;
  readonly data: Columns;
  readonly samples: number;
  /** The tensors before each training step, and after the last. All of them are float32. */
  readonly states: readonly Values[];
  readonly steps: readonly Call[];
  readonly evaluation: Call;
  readonly forward: Call;
  readonly finite: boolean;
}

export async function referenceOf(model: RandomModel): Promise<Reference> {
  const text = modelText(model);
  const { module, builder } = elaborate(parse({ name: "random", text }));
  const exact = differentiate(module, builder);
  const data = columns(module, model.samples);
  const compilations = new Compilations(text);
  const states: Values[] = [await initialState(module, compilations)];
  const steps: Call[] = [];
  const batches = Math.ceil(model.samples / model.batch);
  for (let step = 0; step < STEPS; step++) {
    const from = (step % batches) * model.batch;
    const n = Math.min(model.batch, model.samples - from);
    const run = callOf(exact, "train_step", {
      n,
      seed: SEED,
      step,
      host: {
        step,
        epoch: Math.floor(step / batches),
        steps_per_epoch: batches,
        epochs: EPOCHS,
        total_steps: EPOCHS * batches,
      },
      tensors: states[step],
      inputs: slices(module, data, from, n),
    });
    steps.push(run);
    const next = [...states[step]].map(([name, old]) => [name, rounded(run.expected.get(name) ?? old)] as const);
    states.push(new Map(next));
  }
  const after: Omit<InterpretEnv, "inputs" | "n"> = { seed: SEED, step: STEPS, host: {}, tensors: states[STEPS] };
  const n = Math.min(model.batch, model.samples);
  const env = { ...after, n, inputs: slices(module, data, 0, n) };
  const evaluation = callOf(exact, "evaluate", env);
  const forward = callOf(exact, "forward", env);
  const all = [...steps, evaluation, forward].flatMap(({ expected }) => [...expected.values()]);
  const finite = all.every(({ data: values }) => values.every((v) => Math.abs(v) < 1e6));
  return { compilations, data, samples: model.samples, states, steps, evaluation, forward, finite };
}

function callOf(module: Module, program: string, env: InterpretEnv): Call {
  const run = (round?: InterpretEnv["round"]): Values => {
    const { results, updates } = interpret(module.programs.find(({ name }) => name === program)!, { ...env, round });
    return new Map([...results, ...updates]);
  };
  const expected = run();
  const spread = (bits: number, runs: number): Map<string, number> => {
    const furthest = new Map<string, number>();
    for (let i = 0; i < runs; i++) {
      const noisy = run(noise(new Random(i + 1), 2 ** -bits));
      for (const [name, value] of expected) {
        const distance = largest(value.data, (v, k) => Math.abs(noisy.get(name)!.data[k] - v));
        furthest.set(name, Math.max(furthest.get(name) ?? 0, distance));
      }
    }
    return furthest;
  };
  return { title: `${program} ${env.step + 1}`, expected, spread };
}

/** Relative errors of up to `size`, on results that a backend would round. */
function noise(random: Random, size: number): NonNullable<InterpretEnv["round"]> {
  return (result: Tensor, { op, type }: Value) => {
    const { category } = opNamed(op);
    if (type.dtype !== "f32" || category === "view" || category === "index" || op === "const") return result;
    return { shape: result.shape, data: result.data.map((v) => v * (1 + size * (2 * random.unit() - 1))) };
  };
}

export function largest(values: Float64Array, of: (value: number, index: number) => number): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const value = of(values[i], i);
    if (!(value <= most)) most = Number.isNaN(value) ? Infinity : value;
  }
  return most;
}

const rounded = ({ shape, data }: Tensor): Tensor => ({ shape, data: data.map(Math.fround) });

/** As a trainer starts, but for the zeros and ones of parameters, which would hide much: they are moved a little. */
async function initialState(module: Module, compilations: Compilations): Promise<Values> {
  const trainer = await createTrainer(compilations.of("js64").executable(loadJs), { seed: SEED });
  const initial = new Map(trainer.tensors().map(({ name, data }) => [name, data]));
  const random = new Random(SEED);
  const tensors = module.tensors.map(({ name, kind, shape }) => {
    const data = initial.get(name) ?? new Float64Array(shape.reduce((a, b) => a * b, 1));
    const moved = Float64Array.from(data, (v) => Math.fround(kind === "param" ? v + 0.2 * random.unit() - 0.1 : v));
    return [name, { shape, data: moved }] as const;
  });
  trainer.dispose();
  return new Map(tensors);
}

/** Random samples, of float32. */
function columns({ inputs }: Module, samples: number): Columns {
  const random = new Random(SEED + 1);
  const made = inputs.map(({ name, dtype, shape, classes = 9 }) => {
    const length = shape.reduce((a, b) => a * b, samples);
    if (dtype === "i32") return [name, Int32Array.from({ length }, () => random.below(classes))] as const;
    return [name, Float32Array.from({ length }, () => 3 * random.unit() - 1.5)] as const;
  });
  return Object.fromEntries(made);
}

/** Samples `from` … `from + n − 1`. */
function slices({ inputs }: Module, data: Columns, from: number, n: number): Map<string, Tensor> {
  const entries = inputs.map(({ name, shape }) => {
    const values = data[name] as Float32Array | Int32Array;
    const size = shape.reduce((a, b) => a * b, 1);
    const part = values.subarray(from * size, (from + n) * size);
    return [name, { shape: [n, ...shape], data: Float64Array.from(part) }] as const;
  });
  return new Map(entries);
}
