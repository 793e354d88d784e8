/** What one primitive operation is. Each lives in a file of its own beside this one; `index.ts` lists them. */

import type { Builder } from "../ir/builder.ts";
import type { Attrs, Shape, TensorType, Value } from "../ir/graph.ts";
import type { Expr, ScalarBuilder } from "../ir/loops.ts";

/** A concrete tensor of the interpreter: every dtype is held in float64, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface GradientContext {
  readonly value: Value;
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  /** The gradient of the loss with respect to `value`; of the same shape. */
  readonly dy: Value;
}

/** What a reference may ask for beside its operands. */
export interface ReferenceEnv {
  /** The number of samples: what `"n"` stands for. */
  readonly n: number;
  readonly seed: number;
  readonly step: number;
}

/** How the compiler treats the operation; fusion asks for this and never for names. */
export type Category =
  | "leaf" // input, param, const, host
  | "elementwise" // f(x, y, …) at each index; operands of the result's shape, or of rank 0
  | "view" // each element of the result is one element of the operand (or a constant): broadcast, transpose, slice, …
  | "index" // computed from the element's index (and an operand at it): iota, one_hot, random_uniform
  | "reduce" // folds axes of an elementwise operand
  | "kernel"; // has its own kernel template in compiler/4-codegen/kernels

export interface Sample {
  /** Shapes (and element types, default f32) of the operands; `"n"` is taken as `n`. */
  readonly inputs: readonly {
    readonly shape: Shape;
    readonly dtype?: "f32" | "i32" | "u8" | "bool";
    /** Of the random elements: [low, high); integers for integer types. */
    readonly range?: readonly [number, number];
  }[];
  readonly attrs?: Attrs;
  readonly n?: number;
}

export interface OpDef {
  readonly name: string;
  /** Formula, shapes, errors (max ulp of the f32 kernels where it is not exact), subgradient at kinks. */
  readonly doc: string;
  readonly category: Category;
  /** Result type; throws ShapeError. */
  infer(inputs: readonly TensorType[], attrs: Attrs): TensorType;
  /**
   * Gradient with respect to each operand, in its shape (an elementwise operation may leave that of a rank-0 operand in the
   * result's shape: the differentiate pass sums it); null where there is none (integers, booleans) or it is zero everywhere.
   * Absent: not differentiable.
   */
  grad?(b: Builder, c: GradientContext): readonly (Value | null)[];
  /** The definition, in float64. Leaves have none: the interpreter is given their values. */
  reference?(inputs: readonly Tensor[], attrs: Attrs, type: TensorType, env: ReferenceEnv): Tensor;
  /** Elementwise operations: the scalar (or 4-lane) expression. */
  scalar?(e: ScalarBuilder, args: readonly Expr[], attrs: Attrs): Expr;
  /** Sizes for the generated tests: gradient check, reference against interpreter, JS and WASM. Some no multiple of 4, some batch 1. */
  readonly samples: readonly Sample[];
}

export function defineOp(def: OpDef): OpDef {
  return def;
}
