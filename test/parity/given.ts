/**
 * A net whose output is what the test says: each sample is the number of a row of a weight. One step of `sgd(lr = 1)` then
 * subtracts from them exactly the gradient of the loss, in which no sample's NaN reaches another.
 */
import { type Evaluation, encodeSafetensors, type Trainer } from "../../runtime/index.ts";
import { type Backend, compileFor, trainerOf } from "./train.ts";

export interface Given {
  /** Number of values a sample; the net's own steps come after these. */
  readonly features: number;
  /** Row by row, a row for each sample. */
  readonly values: readonly number[];
  /** What follows in the net. */
  readonly net?: string;
  /** The clauses of the loss and of metrics. */
  readonly heads: string;
  readonly definitions?: string;
  readonly targets: Readonly<Record<string, { readonly type: string; readonly values: readonly number[] }>>;
}

export interface Outcome {
  readonly loss: number;
  readonly gradient: readonly number[];
  readonly trainer: Trainer;
  /** Of the same batch, before the step. */
  readonly evaluation: Evaluation;
  readonly output: readonly number[];
}

export function givenModel(given: Given): string {
  const { features, values, net = "", heads, definitions = "", targets } = given;
  const samples = values.length / features;
  const declared = Object.entries(targets).map(([name, { type }]) => `target ${name}: ${type}`);
  return `${definitions}
layer given(samples: size, features: size) {
  param weight[samples, features] ~ zeros
  gather_rows(weight, in)
}
model given {
  input row: i32
  ${declared.join("\n  ")}
  net {
    given: given(${samples}, ${features})
    ${net}
  }
  ${heads}
  optimizer sgd(lr = 1)
  train { batch = ${samples} }
}`;
}

export async function run(given: Given, backend: Backend): Promise<Outcome> {
  const { features, values, targets } = given;
  const samples = values.length / features;
  const trainer = await trainerOf(compileFor(givenModel(given), backend));
  const others = trainer.parameters().filter(({ name }) => name !== "given.weight");
  const given0 = { name: "given.weight", shape: [samples, features], data: Float64Array.from(values) };
  await trainer.load(encodeSafetensors([given0, ...others]));
  const row = Int32Array.from({ length: samples }, (_, i) => i);
  const columns = Object.entries(targets).map(([name, { type, values: v }]) => [
    name,
    type.startsWith("f32") ? Float32Array.from(v) : Int32Array.from(v),
  ]);
  const batch = { row, ...Object.fromEntries(columns) };
  const evaluation = await trainer.evaluate(batch);
  const prediction = await trainer.predict({ row });
  const output = prediction.output ?? prediction.logits;
  const { loss } = await trainer.step(batch);
  const { data } = trainer.tensor("given.weight");
  const gradient = values.map((value, i) => value - data[i]);
  return { loss, gradient, trainer, evaluation, output: [...(output as Float32Array)] };
}

/** The largest difference relative to the larger of 1 and the expected; what is not finite must be so alike. */
export function difference(values: readonly number[], expected: readonly (number | null)[]): number {
  if (values.length !== expected.length) return Infinity;
  const differences = expected.map((e, i) => {
    if (e === null) return Number.isFinite(values[i]) ? Infinity : 0;
    const error = Math.abs(values[i] - e) / Math.max(1, Math.abs(e));
    return Number.isNaN(error) ? Infinity : error;
  });
  return Math.max(0, ...differences);
}
