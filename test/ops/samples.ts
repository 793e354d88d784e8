/**
 * Every primitive's samples as runnable modules: one program, `run`, that applies the operation to declared inputs and
 * parameters and returns its value as `y`; with random operands. What the interpreter, JavaScript and WASM are compared on.
 */
import { Builder } from "../../compiler/ir/builder.ts";
import type { InputDecl, Module, Shape, TensorDecl, Value } from "../../compiler/ir/graph.ts";
import type { InterpretEnv } from "../../compiler/ir/interpret.ts";
import { ops } from "../../compiler/ops/index.ts";
import type { OpDef, Sample, Tensor } from "../../compiler/ops/op.ts";
import { concrete, tensorOf } from "../../compiler/ops/tensor.ts";
import { random } from "./random.ts";

export interface SampleCase {
  /** `conv2d #3: f32[n, 2, 8, 9], f32[6, 2, 3, 3], n = 2` */
  readonly title: string;
  readonly op: OpDef;
  readonly sample: Sample;
}

export interface BuiltSample {
  readonly b: Builder;
  readonly module: Module;
  readonly env: InterpretEnv & { readonly tensors: Map<string, Tensor>; readonly inputs: Map<string, Tensor> };
  /** The operation's value. */
  readonly value: Value;
  /** The leaves that its f32 operands are: what a gradient can be taken for. */
  readonly leaves: readonly Value[];
}

export function sampleCases(): SampleCase[] {
  return ops.flatMap((op) => op.samples.map((sample, i) => ({ title: titleOf(op, sample, i), op, sample })));
}

function titleOf(op: OpDef, { inputs, n }: Sample, i: number): string {
  const operands = inputs.map(({ shape, dtype = "f32" }) => `${dtype}[${shape.join(", ")}]`);
  return `${op.name} #${i}: ${[...operands, ...(n === undefined ? [] : [`n = ${n}`])].join(", ")}`;
}

export function buildSample({ op, sample }: SampleCase, seed = 1): BuiltSample {
  const operands = new Operands(sample.n ?? 1, seed);
  const inputs = sample.inputs.map((operand) => operands.add(operand));
  const value = operands.b.op(op.name, inputs, sample.attrs);
  return { ...operands.finish(op.name, value), value };
}

/** A result must be f32 or i32: a bool is returned as f32. */
function storable(b: Builder, value: Value): Value {
  return value.type.dtype === "bool" ? b.cast(value, "f32") : value;
}

class Operands {
  readonly b = new Builder();
  private readonly inputs: InputDecl[] = [];
  private readonly tensors: TensorDecl[] = [];
  private readonly leaves: Value[] = [];
  private readonly values = new Map<string, Tensor>();
  private readonly next: () => number;

  constructor(
    private readonly n: number,
    private readonly seed: number,
  ) {
    this.next = random(seed);
  }

  add({ shape, dtype = "f32", range = dtype === "bool" ? [0, 2] : [-2, 2] }: Sample["inputs"][number]): Value {
    const [low, high] = range;
    const sampled = () => low + (high - low) * this.next();
    const element = dtype === "f32" ? sampled : () => Math.floor(sampled());
    if (dtype === "u8") return this.bytes(shape, element);
    const leaf = this.leaf(shape, element);
    if (dtype === "f32") {
      this.leaves.push(leaf);
      return this.inOrder(leaf, shape);
    }
    const value = this.inOrder(leaf, shape);
    return dtype === "i32" ? this.b.cast(value, "i32") : this.b.binary("ne", value, 0);
  }

  finish(name: string, value: Value): Omit<BuiltSample, "value"> {
    const { b, n, leaves } = this;
    const program = { name: "run", results: [{ name: "y", value: storable(b, value) }], updates: [] };
    const module = { name, batch: n, inputs: this.inputs, tensors: this.tensors, programs: [program] };
    const declared = (names: readonly { name: string }[]) =>
      new Map(names.flatMap(({ name }) => [name, `${name}.bytes`]).flatMap((name) => this.entry(name)));
    const env = {
      n,
      seed: this.seed,
      step: 3,
      host: {},
      inputs: declared(this.inputs),
      tensors: declared(this.tensors),
    };
    return { b, module, env, leaves };
  }

  private entry(name: string): [string, Tensor][] {
    const tensor = this.values.get(name);
    return tensor ? [[name, tensor]] : [];
  }

  /** An input where there is a sample axis (which it has first), else a parameter. */
  private leaf(shape: Shape, element: () => number): Value {
    const name = `x${this.inputs.length + this.tensors.length}`;
    const fixed = shape.filter((dim) => dim !== "n") as number[];
    if (!shape.includes("n")) {
      this.tensors.push({ name, kind: "param", shape: fixed, init: { kind: "constant", value: 0 }, span: null });
      this.values.set(name, tensorOf(fixed, element));
      return this.b.op("param", [], { name, shape });
    }
    this.inputs.push({ name, role: "input", dtype: "f32", shape: fixed, span: null });
    this.values.set(name, tensorOf([this.n, ...fixed], element));
    return this.b.op("input", [], { name, dtype: "f32", shape: ["n", ...fixed] });
  }

  /** The sample axis moved from the front to where the sample has it. */
  private inOrder(leaf: Value, shape: Shape): Value {
    const at = shape.indexOf("n");
    if (at <= 0) return leaf;
    return this.b.transpose(
      leaf,
      shape.map((_, axis) => (axis === at ? 0 : axis < at ? axis + 1 : axis)),
    );
  }

  /** u8 exists as the bytes of an f32 input. */
  private bytes(shape: Shape, element: () => number): Value {
    const name = `x${this.inputs.length + this.tensors.length}`;
    this.inputs.push({ name, role: "input", dtype: "f32", shape: shape.slice(1) as number[], span: null });
    this.values.set(`${name}.bytes`, tensorOf(concrete(shape, this.n), element));
    return this.b.op("input", [], { name: `${name}.bytes`, dtype: "u8", shape });
  }
}
