/**
 * The tensor IR: a pure SSA graph of typed tensor operations.
 *
 * A `Value` is immutable and names its operands directly, so a graph is whatever its outputs reach; passes build new values
 * with a `Builder` and never change old ones. What an operation means is said once, in `compiler/ops/<name>.ts`.
 */
import type { Init } from "../../runtime/abi.ts";
import type { Span } from "../diagnostics.ts";

export type { Init };

/** Element types. `bool` exists only between a comparison and its use (stored as i32 0/1 when it must be stored). */
export type DType = "f32" | "i32" | "u8" | "bool";

/** A size: a number, or `"n"`, the number of samples in this batch (at most `Module.batch`). A shape has at most one `"n"`. */
export type Dim = number | "n";
export type Shape = readonly Dim[];

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export type Attr = number | boolean | string | readonly Dim[] | readonly (readonly number[])[];
export type Attrs = Readonly<Record<string, Attr>>;

export interface Value {
  /** Unique within one Builder; printing renumbers in topological order. */
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  readonly type: TensorType;
  /** The place in the model (or library) file that this value came from; carried down to kernel names. */
  readonly span: Span | null;
}

/**
 * One entry point of the compiled module. `results` are read by the caller after the call; `updates` overwrite tensors of
 * the module, all of them computed from the values before the call.
 */
export interface Program {
  readonly name: string;
  readonly results: readonly { readonly name: string; readonly value: Value }[];
  readonly updates: readonly { readonly target: string; readonly value: Value }[];
}

/** The kinds of initial values, and the numbers that each takes, in the order in which the IR writes them. */
export const INIT_NUMBERS = {
  constant: ["value"],
  uniform: ["low", "high"],
  normal: ["mean", "std"],
  trunc_normal: ["mean", "std", "low", "high"],
  orthogonal: ["gain"],
  identity: ["groups"],
  sparse: ["sparsity", "std"],
  table: ["empty"],
} as const satisfies { readonly [K in Init["kind"]]: readonly Exclude<keyof Extract<Init, { kind: K }>, "kind">[] };

/** How what `evaluate` finds in each batch becomes that of all samples; the mean counts a batch once for each of its samples. */
export type Combine = "sum" | "mean" | "max";

/**
 * `param`: trained; `buffer`: saved with the weights, not trained (running statistics); `state`: the optimizer's; `total`: what
 * an evaluation adds up over its batches; `packed`: a function of the others in the layout that kernels read.
 */
export const TENSOR_KINDS = ["param", "buffer", "state", "total", "packed"] as const;
export type TensorKind = (typeof TENSOR_KINDS)[number];

export const isTensorKind = (word: string): word is TensorKind => TENSOR_KINDS.some((kind) => kind === word);

/** A tensor that lives between calls. Names are PyTorch's state_dict names; states are `<param>.<state>`. */
export interface TensorDecl {
  readonly name: string;
  readonly kind: TensorKind;
  readonly shape: readonly number[];
  readonly init: Init;
  /** Of a parameter: not trained. */
  readonly frozen?: boolean;
  /** Of a state: the parameter or buffer whose average over the steps it is. */
  readonly averageOf?: string;
  /** Of totals. */
  readonly combine?: Combine;
  /** Of packed ones; the others are row-major. */
  readonly layout?: string;
  readonly span: Span | null;
}

/** What the caller fills before a call. `shape` is that of one sample. */
export interface InputDecl {
  readonly name: string;
  readonly role: "input" | "target";
  readonly dtype: "f32" | "i32";
  readonly shape: readonly number[];
  /** For `class[k]` targets: labels are 0 … k−1. */
  readonly classes?: number;
  readonly span: Span | null;
}

/** A model after elaboration: its tensors, its inputs and its programs. */
export interface Module {
  readonly name: string;
  /** The maximum of the symbolic size `n`. */
  readonly batch: number;
  readonly inputs: readonly InputDecl[];
  readonly tensors: readonly TensorDecl[];
  readonly programs: readonly Program[];
}

/** Values reachable from the roots, operands before users; deterministic (depth-first, in operand order). */
export function topological(roots: Iterable<Value>): Value[] {
  const order: Value[] = [];
  const state = new Map<Value, "open" | "done">();
  const stack: Value[] = [...roots].reverse();
  while (stack.length > 0) {
    const value = stack[stack.length - 1];
    const seen = state.get(value);
    if (seen === undefined) {
      state.set(value, "open");
      for (let i = value.inputs.length - 1; i >= 0; i--) if (!state.has(value.inputs[i])) stack.push(value.inputs[i]);
    } else {
      stack.pop();
      if (seen === "open") {
        state.set(value, "done");
        order.push(value);
      }
    }
  }
  return order;
}

/** Every value that a program returns or stores. */
export function roots(program: Program): Value[] {
  return [...program.results.map((r) => r.value), ...program.updates.map((u) => u.value)];
}

/** The number of elements, with `n` standing for `samples`. */
export function sizeOf(shape: Shape, samples: number): number {
  return shape.reduce<number>((size, dim) => size * (dim === "n" ? samples : dim), 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}
