/**
 * Weights in the layout that kernels read (panels, transformed kernels) are a function of the tensors alone: they are kept from
 * call to call as tensors of their own, *packed*. Whatever writes weights writes their packed form too: a training step at its
 * end, for the next one, and the program `pack` where the host has written them.
 *
 * What only evaluation or prediction reads is computed there: a step need not keep it up to date.
 */
import type { Builder } from "../ir/builder.ts";
import {
  isTensorKind,
  type Module,
  type Program,
  roots,
  type TensorDecl,
  topological,
  type Value,
} from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import { Layouts } from "./layout.ts";
import { rebuild, rewrite, rewriteProgram } from "./rewrite.ts";
import { samplesAxis } from "./samples.ts";

export function packWeights(module: Module, b: Builder): Module {
  const training = module.programs.find(({ name }) => name === "train_step");
  const values = training ? packedIn(training) : [];
  if (values.length === 0) return module;
  const layouts = new Layouts();
  const tensors = values.map((value, i): TensorDecl => {
    const shape = value.type.shape as number[];
    const init = { kind: "constant", value: 0 } as const;
    return { name: `packed/${i}`, kind: "packed", shape, init, layout: layouts.nameOf(value), span: value.span };
  });
  const leaves = new Map(values.map((value, i) => [value, leafOf(tensors[i], b)]));
  const reading = rewrite(module, b, (value, inputs) => leaves.get(value) ?? rebuild(b, value, inputs));
  const pack: Program = { name: "pack", results: [], updates: values.map((value, i) => update(tensors[i], value)) };
  const writing = reading.programs.map((program) => {
    const repacked = afterwards(pack, program, b).updates.filter(({ value }, i) => value !== values[i]);
    return { ...program, updates: [...program.updates, ...repacked] };
  });
  return { ...module, tensors: [...module.tensors, ...tensors], programs: [...writing, pack] };
}

const update = ({ name }: TensorDecl, value: Value): Program["updates"][number] => ({ target: name, value });

function leafOf({ name, shape, layout, span }: TensorDecl, b: Builder): Value {
  b.span = span;
  return b.op("packed", [], { name, shape, layout: layout! });
}

/** The program on the tensors as another one leaves them. */
function afterwards(program: Program, { updates }: Program, b: Builder): Program {
  const written = new Map(updates.map(({ target, value }) => [target, value]));
  const leaf = ({ op, attrs }: Value) => (isTensorKind(op) ? written.get(attrs.name as string) : undefined);
  return rewriteProgram(program, b, (value, inputs) => leaf(value) ?? rebuild(b, value, inputs));
}

/** What is the tensors' own, in another layout, where something else reads it. */
function packedIn(program: Program): Value[] {
  const all = topological(roots(program));
  const known = new Set<Value>();
  const arranged = new Set<Value>();
  for (const value of all) {
    const { op, inputs, type } = value;
    const isKnown = inputs.length > 0 ? inputs.every((input) => known.has(input)) : isTensorKind(op) || op === "const";
    if (!isKnown || samplesAxis(value) >= 0) continue;
    known.add(value);
    const isView = opNamed(op).category === "view" && inputs.some((input) => arranged.has(input));
    if (type.dtype === "f32" && (op === "relayout" || op === "tile" || isView)) arranged.add(value);
  }
  const read = all.filter((value) => !arranged.has(value)).flatMap(({ inputs }) => inputs);
  return [...new Set(read.filter((value) => arranged.has(value)).map(peeled))];
}

/** Kernels read what is transposed from where it lies. */
const peeled = (value: Value): Value => (value.op === "transpose" ? peeled(value.inputs[0]) : value);
