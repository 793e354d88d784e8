/**
 * What the interpreter makes of a model's training, in float64 and without any simplification, and how far rounding would reach:
 * the same steps with noise on the result of every operation. Where a value is rounding noise through and through, as the
 * gradient of a bias in front of a batch norm, or where a kink is near, the noisy runs differ as much as a backend may.
 */
import type { Tensor } from "../../compiler/ops/op.ts";
import type { Columns } from "../../runtime/index.ts";
import { Compilations } from "./backends.ts";
import { noise, type Precision } from "./noise.ts";
import { modelText, type RandomModel } from "./program.ts";
import { Random } from "./random.ts";
import { type Round, Run, type Values } from "./run.ts";

/** Updates that are compared, if the epochs hold as many. */
const STEPS = 3;

/** A call of the runtime: what it should give. */
export interface Call {
  readonly title: string;
  readonly expected: Values;
  /** How far noisy runs lie from the expected, at most. */
  spread(precision: Precision, runs: number): ReadonlyMap<string, number>;
}

export interface Reference {
  readonly compilations: Compilations;
  readonly data: Columns;
  /** What evaluations and predictions are of. */
  readonly evaluated: Columns;
  /** The tensors before each update, and after the last. All of them are float32. */
  readonly states: readonly Values[];
  readonly measure: Call;
  readonly steps: readonly Call[];
  readonly evaluation: Call;
  readonly forward: Call;
  /** The model asks for Winograd's algorithm, in any numerics. */
  readonly winograd: boolean;
  readonly finite: boolean;
}

export async function referenceOf(model: RandomModel): Promise<Reference> {
  const text = modelText(model);
  const compilations = new Compilations(text);
  const run = new Run(model);
  const measure = call("measure", (round) => run.measured(round));
  const initial = await run.initialState(compilations);
  const states: Values[] = [new Map([...initial, ...rounded(measure.expected)])];
  const updates = run.updates().slice(0, STEPS);
  const steps = updates.map((update): Call => {
    const before = states[update.step];
    const step = call(`step ${update.step + 1}`, (round) => run.update(update, before, round));
    states.push(new Map([...before, ...rounded(step.expected)]));
    return step;
  });
  const trained = run.trained(states[steps.length], updates);
  const forward = call("forward", (round) => run.forward(trained, round));
  // Where samples know of one another, only a single batch has one meaning.
  const samples = run.keepsSamplesApart(trained) ? model.samples : Math.min(model.batch, model.samples);
  const evaluation = call("evaluate", (round) => run.evaluate(trained, samples, round));
  const all = [measure, ...steps, evaluation, forward].flatMap(({ expected }) => [...expected.values()]);
  const finite = all.every(({ data: values }) => values.every((v) => Math.abs(v) < 1e6));
  const evaluated = first(run.data, samples, model.samples);
  const winograd = text.includes("winograd");
  return { compilations, data: run.data, evaluated, states, measure, steps, evaluation, forward, winograd, finite };
}

/** The spread is found once for each precision. */
function call(title: string, run: (round?: Round) => Values): Call {
  const expected = run();
  const known = new Map<string, Map<string, number>>();
  const spread = (precision: Precision, runs: number): Map<string, number> => {
    const key = `${precision.bits} ${precision.winograd} ${runs}`;
    const furthest = known.get(key) ?? new Map<string, number>();
    for (let i = known.has(key) ? runs : 0; i < runs; i++) {
      const noisy = run(noise(precision, new Random(i + 1), precision.bits < 24 && i % 2 === 1));
      for (const [name, value] of expected) {
        const distance = largest(value.data, (v, k) => Math.abs(noisy.get(name)!.data[k] - v));
        furthest.set(name, Math.max(furthest.get(name) ?? 0, distance));
      }
    }
    known.set(key, furthest);
    return furthest;
  };
  return { title, expected, spread };
}

export function largest(values: Float64Array, of: (value: number, index: number) => number): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const value = of(values[i], i);
    if (!(value <= most)) most = Number.isNaN(value) ? Infinity : value;
  }
  return most;
}

function rounded(values: Values): Map<string, Tensor> {
  return new Map([...values].map(([name, { shape, data }]) => [name, { shape, data: data.map(Math.fround) }]));
}

function first(data: Columns, count: number, of: number): Columns {
  const parts = Object.entries(data).map(([name, column]) => {
    const values = column as Float32Array;
    return [name, values.subarray(0, (values.length / of) * count)];
  });
  return Object.fromEntries(parts);
}
