/** A subject at a point as a graph of its own: a function of the variables alone, with whatever they do not change as constants. */
import type { Builder } from "../ir/builder.ts";
import { type Attrs, type TensorDecl, topological, type Value } from "../ir/graph.ts";
import { evaluate, type InterpretEnv } from "../ir/interpret.ts";
import type { Tensor } from "../ops/op.ts";
import { concrete } from "../ops/tensor.ts";
import type { Subject } from "./subjects.ts";

export interface Frozen {
  /** Of rank 0. */
  readonly objective: Value;
  /** Leaves that stand for the subject's variables, in their order. */
  readonly variables: readonly Value[];
  readonly tensors: readonly TensorDecl[];
  /** Of all leaves, by name. */
  readonly contents: ReadonlyMap<string, Tensor>;
}

/** `n` is the point's number from here on, and random numbers are those that it draws. */
export function freeze(subject: Subject, point: InterpretEnv, b: Builder): Frozen {
  const moving = movingValues(subject);
  const constants = [...moving].flatMap((value) => value.inputs).filter((value) => !moving.has(value));
  const leaves = subject.variables.map(({ leaf }) => leaf);
  const known = evaluate([...new Set([...constants, ...leaves])], point);
  const contents = new Map<string, Tensor>();
  const leafOf = (value: Value, name: string): Value => {
    contents.set(name, known.get(value)!);
    return b.op("param", [], { name, shape: concrete(value.type.shape, point.n) });
  };
  const variables = leaves.map((leaf, i) => leafOf(leaf, `variable${i}`));
  const rebuilt = new Map(leaves.map((leaf, i) => [leaf, variables[i]]));
  for (const value of constants) {
    if (rebuilt.has(value)) continue;
    const isNumber = value.type.shape.length === 0;
    const floats = isNumber ? b.const(known.get(value)!.data[0]) : leafOf(value, `constant${rebuilt.size}`);
    rebuilt.set(value, typed(floats, value, b));
  }
  for (const value of moving) {
    if (rebuilt.has(value)) continue;
    b.span = value.span;
    const operands = value.inputs.map((input) => rebuilt.get(input)!);
    rebuilt.set(value, b.op(value.op, operands, concreteAttrs(value.attrs, point.n)));
  }
  b.span = null;
  const tensors = [...contents].map(([name, { shape }]) => declaration(name, shape));
  return { objective: rebuilt.get(subject.objective)!, variables, tensors, contents };
}

/**
 * What changes with a variable, in topological order. Of the loss, what stands behind `stop_gradient` is held: differences are
 * those of the graph as it is differentiated.
 */
function movingValues({ objective, variables, call }: Subject): ReadonlySet<Value> {
  const moving = new Set(variables.map(({ leaf }) => leaf));
  for (const value of topological([objective])) {
    if (call === null && value.op === "stop_gradient") continue;
    if (value.inputs.some((input) => moving.has(input))) moving.add(value);
  }
  return moving;
}

/** Floats as what they stand for. */
function typed(floats: Value, { type: { dtype } }: Value, b: Builder): Value {
  if (dtype === "bool") return b.binary("ne", floats, 0);
  return dtype === "i32" ? b.cast(floats, "i32") : floats;
}

function concreteAttrs(attrs: Attrs, n: number): Attrs {
  const entries = Object.entries(attrs).map(([key, attr]) => [
    key,
    Array.isArray(attr) ? attr.map((dim) => (dim === "n" ? n : dim)) : attr,
  ]);
  return Object.fromEntries(entries);
}

const declaration = (name: string, shape: readonly number[]): TensorDecl => ({
  name,
  kind: "param",
  shape,
  init: { kind: "constant", value: 0 },
  span: null,
});
