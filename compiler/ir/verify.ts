/**
 * Checks a module; run between passes in tests. The invariants:
 *
 * 1. Every value's operation is a primitive, and its type is what the primitive's shape rule infers from its operands.
 * 2. A shape has at most one "n"; its other sizes are positive integers.
 * 3. No two values of the module have the same id, and none computes what another one computes (values are shared).
 * 4. A leaf is declared: `input` among the inputs, with its sample shape after "n" (or as the bytes `<input>.bytes` of an f32
 *    input, u8); those of TENSOR_KINDS among the tensors, with that kind, shape and layout; `host` in HOST_VALUES, or called
 *    as such bytes.
 * 5. Names are unique: of inputs and tensors together, of programs, of a program's results, of its updates' targets.
 * 6. An update's target is a declared tensor, and the value has its type. Results are f32 or i32.
 */
import { HOST_VALUES } from "../../runtime/abi.ts";
import { opNamed } from "../ops/index.ts";
import { meaningOf } from "./builder.ts";
import {
  type Dim,
  isTensorKind,
  type Module,
  type Program,
  roots,
  type Shape,
  sameType,
  type TensorType,
  topological,
  type Value,
} from "./graph.ts";
import { namesOf, printType, printValue } from "./text.ts";

/** Throws at the first violation; the message has the program's name and the value's text. */
export function verify(module: Module): void {
  const declared = declarations(module);
  expectUnique(
    "program",
    module.programs.map(({ name }) => name),
  );
  const identities = new Identities();
  for (const program of module.programs) verifyProgram(program, declared, identities);
}

interface Declared {
  readonly op: string;
  readonly layout?: string;
  readonly type: TensorType;
}

/** What leaves and updates may name. */
function declarations(module: Module): ReadonlyMap<string, Declared> {
  const inputs = module.inputs.map(({ name, dtype, shape }): [string, Declared] => [
    name,
    { op: "input", type: { dtype, shape: ["n", ...shape] } },
  ]);
  const bytes = module.inputs
    .filter(({ dtype }) => dtype === "f32")
    .map(({ name, shape }): [string, Declared] => [
      `${name}.bytes`,
      { op: "input", type: { dtype: "u8", shape: ["n", ...shape] } },
    ]);
  const tensors = module.tensors.map(({ name, kind, shape, layout }): [string, Declared] => [
    name,
    { op: kind, type: { dtype: "f32", shape }, layout },
  ]);
  const all = [...inputs, ...bytes, ...tensors];
  expectUnique(
    "input or tensor",
    all.map(([name]) => name),
  );
  for (const [name, { type }] of all) expectShape(type.shape, () => `declaration of ${name}`);
  return new Map(all);
}

function verifyProgram(program: Program, declared: ReadonlyMap<string, Declared>, identities: Identities): void {
  const values = roots(program);
  const names = namesOf(values);
  const text = (value: Value) => `${program.name}: ${printValue(value, names)}`;
  for (const value of topological(values)) {
    verifyValue(value, text);
    verifyLeaf(value, declared, text);
    identities.check(value, text);
  }
  expectUnique(
    `result of ${program.name}`,
    program.results.map(({ name }) => name),
  );
  expectUnique(
    `update of ${program.name}`,
    program.updates.map(({ target }) => target),
  );
  for (const { name, value } of program.results) {
    if (value.type.dtype !== "f32" && value.type.dtype !== "i32")
      fail(text(value), `result ${name} must be f32 or i32`);
  }
  for (const { target, value } of program.updates) {
    const tensor = declared.get(target);
    if (!tensor || tensor.op === "input") fail(text(value), `updates ${target}, which is not declared`);
    else if (!sameType(tensor.type, value.type)) {
      fail(text(value), `updates ${target}, which is ${printType(tensor.type)}`);
    }
  }
}

function verifyValue(value: Value, text: (value: Value) => string): void {
  expectShape(value.type.shape, () => text(value));
  const inferred = inferredType(value, text);
  if (!sameType(inferred, value.type)) fail(text(value), `its type should be ${printType(inferred)}`);
}

function inferredType(value: Value, text: (value: Value) => string): TensorType {
  const operands = value.inputs.map((input) => input.type);
  try {
    return opNamed(value.op).infer(operands, value.attrs);
  } catch (error) {
    return fail(text(value), (error as Error).message);
  }
}

function verifyLeaf(value: Value, declared: ReadonlyMap<string, Declared>, text: (value: Value) => string): void {
  const name = value.attrs.name as string;
  if (value.op === "host") {
    const known = HOST_VALUES.some((host) => host === name) || declared.get(name)?.type.dtype === "u8";
    if (!known) fail(text(value), `there is no host value "${name}"`);
    return;
  }
  if (value.op !== "input" && !isTensorKind(value.op)) return;
  const leaf = declared.get(name);
  if (leaf?.op !== value.op) fail(text(value), `no ${value.op} "${name}" is declared`);
  else if (!sameType(leaf.type, value.type)) fail(text(value), `declared as ${printType(leaf.type)}`);
  else if (leaf.layout !== value.attrs.layout) fail(text(value), `declared in the layout ${leaf.layout}`);
}

/** Invariant 3, over all programs of the module. */
class Identities {
  private readonly byId = new Map<number, Value>();
  private readonly byMeaning = new Map<string, Value>();

  check(value: Value, text: (value: Value) => string): void {
    const meaning = meaningOf(value.op, value.inputs, value.attrs);
    if ((this.byId.get(value.id) ?? value) !== value) fail(text(value), `shares the id ${value.id} with another value`);
    if ((this.byMeaning.get(meaning) ?? value) !== value) fail(text(value), "is computed twice");
    this.byId.set(value.id, value);
    this.byMeaning.set(meaning, value);
  }
}

function expectShape(shape: Shape, text: () => string): void {
  const valid = (dim: Dim) => dim === "n" || (Number.isInteger(dim) && dim > 0);
  if (!shape.every(valid)) fail(text(), "sizes must be positive integers");
  if (shape.filter((dim) => dim === "n").length > 1) fail(text(), "a shape has at most one n");
}

function expectUnique(what: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail(`"${twice}"`, `more than one ${what} has this name`);
}

function fail(where: string, message: string): never {
  throw new Error(`invalid IR: ${where}: ${message}`);
}
