/** Compares symbolic gradients with central differences, in float64. */
import { differentiate } from "../../compiler/3-passes/differentiate.ts";
import type { Builder } from "../../compiler/ir/builder.ts";
import type { Module, Value } from "../../compiler/ir/graph.ts";
import { evaluate, type InterpretEnv } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ops/op.ts";

type Leaves = ReadonlyMap<string, Tensor>;
export type GradientEnv = InterpretEnv & { readonly tensors: Leaves; readonly inputs: Leaves };

const STEP = 1e-5;

/** The gradients of a rank-0 loss for leaves, as the differentiate pass writes them. */
export function gradientsOf(b: Builder, module: Module, loss: Value, leaves: readonly Value[]): Value[] {
  const results = leaves.map((leaf, i) => ({ name: `g${i}`, value: b.op("grad", [loss, leaf]) }));
  const program = { name: "gradient", results, updates: [] };
  return differentiate({ ...module, programs: [program] }, b).programs[0].results.map(({ value }) => value);
}

/** (L(x + h) − L(x − h)) / 2h for up to `most` elements of a leaf, spread over it. */
export function differences(loss: Value, leaf: Value, env: GradientEnv, most = 24): Map<number, number> {
  const name = leaf.attrs.name as string;
  const { data } = (env.inputs.get(name) ?? env.tensors.get(name))!;
  const stride = Math.max(1, Math.ceil(data.length / most));
  const found = new Map<number, number>();
  const lossAt = (i: number, x: number) => {
    const before = data[i];
    data[i] = x;
    const result = evaluate([loss], env).get(loss)!.data[0];
    data[i] = before;
    return result;
  };
  for (let i = 0; i < data.length; i += stride) {
    const [above, below] = [data[i] + STEP, data[i] - STEP];
    found.set(i, (lossAt(i, above) - lossAt(i, below)) / (above - below));
  }
  return found;
}

/** Largest difference between gradient and central differences, relative to the largest gradient (at least 1). */
export function gradientError(loss: Value, leaf: Value, gradient: Value, env: GradientEnv, most?: number): number {
  const { data } = evaluate([gradient], env).get(gradient)!;
  const scale = Math.max(1, ...data.map(Math.abs));
  let error = 0;
  for (const [i, difference] of differences(loss, leaf, env, most)) {
    // NaN must count as an error.
    error = Math.max(error, Number.isNaN(data[i]) ? Infinity : Math.abs(difference - data[i]) / scale);
  }
  return error;
}
