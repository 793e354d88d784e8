/** Trains a model from one start three ways: with WebAssembly, with JavaScript, and with the interpreter in float64. */
import { expect } from "vitest";
import { type Compilation, type CompileOptions, compile } from "../../compiler/compile.ts";
import type { Module } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { type Columns, createTrainer, type Trainer } from "../../runtime/index.ts";

export function trainerFor(compilation: Compilation): Promise<Trainer> {
  return createTrainer(
    compilation.executable((js) => import(`data:text/javascript,${encodeURIComponent(js)}`)),
    { seed: 7 },
  );
}

/** Even numbers from −1 to 1 that look like noise, for inputs. */
export const noise = (length: number, salt = 1): Float32Array =>
  Float32Array.from({ length }, (_, i) => 2 * ((((i + 1) * 0.6180339887 * salt) % 1) - 0.5));
export const classesOf = (length: number, classes: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => (i * 7 + 3) % classes);

export interface Run {
  /** Of each step, in float64. */
  readonly losses: readonly number[];
  /** After the last step, in float64. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly wasm: Trainer;
}

/** The same losses and tensors after `steps` steps on one batch, to float32; the interpreter's are returned. */
export async function trainThreeWays(
  text: string,
  batch: Columns,
  steps: number,
  options: CompileOptions = {},
): Promise<Run> {
  let module: Module | undefined;
  const observe = (stage: string, seen: Module) => {
    if (stage === "gradient") module = seen;
  };
  const wasm = await trainerFor(compile(text, { ...options, observe, verify: true }));
  const js = await trainerFor(compile(text, { ...options, backend: "js" }));
  const start = new Map(
    wasm.tensors().map(({ name, shape, data }) => [name, { shape, data: Float64Array.from(data) }]),
  );
  const oracle = new Oracle(module!, start, batch);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const loss = oracle.step(step);
    losses.push(loss);
    for (const trainer of [wasm, js]) {
      const found = (await trainer.step(batch)).loss;
      expect(Math.abs(found - loss), `loss of step ${step + 1}: ${found}, not ${loss}`).toBeLessThan(
        1e-4 * Math.max(1, Math.abs(loss)),
      );
    }
  }
  for (const trainer of [wasm, js]) {
    for (const { name, data } of trainer.tensors()) {
      const expected = oracle.tensors.get(name)!.data;
      const scale = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-2);
      const off = expected.reduce((most, v, i) => Math.max(most, Math.abs(v - data[i])), 0);
      expect(off / scale, `${name} after ${steps} steps`).toBeLessThan(1e-3);
    }
  }
  return { losses, tensors: oracle.tensors, wasm };
}

class Oracle {
  readonly tensors: Map<string, Tensor>;
  private readonly inputs: ReadonlyMap<string, Tensor>;
  private readonly n: number;

  constructor(
    private readonly module: Module,
    start: ReadonlyMap<string, Tensor>,
    batch: Columns,
  ) {
    this.tensors = new Map(start);
    const [first] = module.inputs;
    this.n = batch[first.name].length / first.shape.reduce((a, b) => a * b, 1);
    this.inputs = new Map(
      module.inputs.map(({ name, shape }) => [
        name,
        { shape: [this.n, ...shape], data: Float64Array.from(batch[name]) },
      ]),
    );
  }

  step(step: number): number {
    const { module, tensors, inputs, n } = this;
    const program = module.programs.find(({ name }) => name === "train_step")!;
    const host = { step, epoch: 0, steps_per_epoch: 0, epochs: 0, total_steps: 0 };
    const { results, updates } = interpret(program, { n, seed: 7, step, host, tensors, inputs });
    for (const [name, tensor] of updates) tensors.set(name, tensor);
    return results.get("loss")!.data[0];
  }
}
