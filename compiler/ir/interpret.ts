/** Runs a program in float64 by the operations' references: the oracle for both backends. */

import { opNamed } from "../ops/index.ts";
import type { ReferenceEnv, Tensor } from "../ops/op.ts";
import { concrete, elements, zeros } from "../ops/tensor.ts";
import { isTensorKind, type Program, roots, topological, type Value } from "./graph.ts";

export interface InterpretEnv extends ReferenceEnv {
  /** Values of `host` leaves; `n` need not be among them. */
  readonly host: Readonly<Record<string, number>>;
  /** All that the module declares and the program reads. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** An input that is given as bytes (`<name>.bytes`) need not be given as floats, and the other way round. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Applied to what each operation gives: the rounding of a narrower type, or noise that shows how far it would reach. */
  readonly round?: (result: Tensor, value: Value, operands: readonly Tensor[]) => Tensor;
}

export interface Interpreted {
  readonly results: Map<string, Tensor>;
  readonly updates: Map<string, Tensor>;
}

export function interpret(program: Program, env: InterpretEnv): Interpreted {
  const values = evaluate(roots(program), env);
  return {
    results: new Map(program.results.map(({ name, value }) => [name, values.get(value)!])),
    updates: new Map(program.updates.map(({ target, value }) => [target, values.get(value)!])),
  };
}

/** The tensors of these values. Intermediate ones are let go after their last use. */
export function evaluate(wanted: readonly Value[], env: InterpretEnv): ReadonlyMap<Value, Tensor> {
  const order = topological(wanted);
  const uses = new Map<Value, number>();
  for (const value of [...order.flatMap((v) => v.inputs), ...wanted]) uses.set(value, (uses.get(value) ?? 0) + 1);
  const tensors = new Map<Value, Tensor>();
  for (const value of order) {
    tensors.set(value, compute(value, tensors, env));
    for (const input of value.inputs) {
      const left = uses.get(input)! - 1;
      uses.set(input, left);
      if (left === 0) tensors.delete(input);
    }
  }
  return tensors;
}

/** What one value is, given its operands'. */
export function compute(value: Value, tensors: ReadonlyMap<Value, Tensor>, env: InterpretEnv): Tensor {
  const { op, attrs, type, inputs } = value;
  const name = attrs.name as string;
  if (op === "input") return leaf(value, env.inputs.get(name) ?? notGiven(value, env), env);
  if (isTensorKind(op)) return leaf(value, env.tensors.get(name), env);
  if (op === "host") return { shape: [], data: Float64Array.of(hostValue(name, env)) };
  const { reference } = opNamed(op);
  if (!reference) {
    throw new Error(`the interpreter cannot run "${op}"${op === "grad" ? ": differentiate the module first" : ""}`);
  }
  const operands = inputs.map((input) => tensors.get(input)!);
  const result = reference(operands, attrs, type, env);
  return env.round ? env.round(result, value, operands) : result;
}

function hostValue(name: string, env: InterpretEnv): number {
  const given = name.endsWith(BYTES) ? Number(env.inputs.has(name)) : undefined;
  const value = env.host[name] ?? given ?? (name === "n" ? env.n : name === "step" ? env.step : undefined);
  if (value === undefined) throw new Error(`the interpreter was given no host value "${name}"`);
  return value;
}

const BYTES = ".bytes";

/** Zeros for the form in which an input's samples are not given, which no result depends on. */
function notGiven({ attrs, type }: Value, { inputs, n }: InterpretEnv): Tensor | undefined {
  const name = attrs.name as string;
  const other = name.endsWith(BYTES) ? name.slice(0, -BYTES.length) : `${name}${BYTES}`;
  return inputs.has(other) ? zeros(concrete(type.shape, n)) : undefined;
}

function leaf({ op, attrs, type }: Value, tensor: Tensor | undefined, { n }: InterpretEnv): Tensor {
  const shape = concrete(type.shape, n);
  if (!tensor) throw new Error(`the interpreter was given no ${op} "${attrs.name}"`);
  if (tensor.data.length !== elements(shape)) {
    throw new Error(`${op} "${attrs.name}" must be [${shape.join(", ")}], found [${tensor.shape.join(", ")}]`);
  }
  return tensor;
}
