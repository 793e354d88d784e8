/** The frames of elementwise primitives: f(x), f(x, y) at each index, operands of the result's shape or of rank 0. */
import { ShapeError } from "../diagnostics.ts";
import type { Builder } from "../ir/builder.ts";
import { type DType, type Shape, sameShape, type TensorType, type Value } from "../ir/graph.ts";
import type { Expr, ScalarBuilder } from "../ir/loops.ts";
import { defineOp, type GradientContext, type OpDef, type Sample, type Tensor } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands, showShape, showType } from "./types.ts";

/** The shape that all operands of rank above 0 have. */
export function commonShape(op: string, inputs: readonly TensorType[]): Shape {
  let shape: Shape = [];
  for (const { shape: own } of inputs) {
    if (own.length === 0) continue;
    if (shape.length > 0 && !sameShape(shape, own)) {
      throw new ShapeError(`${op}: shapes ${showShape(shape)} and ${showShape(own)} differ`);
    }
    shape = own;
  }
  return shape;
}

/** Steps 0 through an operand of rank 0, and 1 through one of full shape. */
export function step(x: Tensor): 0 | 1 {
  return x.shape.length > 0 ? 1 : 0;
}

const shapes: readonly Shape[] = [[2, 3], [1], [5], ["n", 7], []];

export interface UnaryDef {
  readonly name: string;
  readonly doc: string;
  readonly f: (x: number) => number;
  readonly scalar: (e: ScalarBuilder, x: Expr) => Expr;
  /** The gradient with respect to the operand; null where it is zero everywhere. */
  readonly grad: (b: Builder, c: GradientContext & { readonly x: Value }) => Value | null;
  /** Element types taken; the result has the operand's. Default: f32. */
  readonly dtypes?: readonly DType[];
  /** Operands of the generated tests. */
  readonly range?: readonly [number, number];
}

export function unary(def: UnaryDef): OpDef {
  const { name, f, range = [-2, 2] } = def;
  return defineOp({
    name,
    doc: def.doc,
    category: "elementwise",
    infer(inputs) {
      expectOperands(name, inputs, 1);
      expectDType(name, inputs[0], def.dtypes ?? ["f32"]);
      return inputs[0];
    },
    grad: (b, c) => [def.grad(b, { ...c, x: c.inputs[0] })],
    reference([x]) {
      const out = zeros(x.shape);
      for (let i = 0; i < out.data.length; i++) out.data[i] = f(x.data[i]);
      return out;
    },
    scalar: (e, [x]) => def.scalar(e, x),
    samples: shapes.map((shape) => ({ inputs: [{ shape, range }], n: 3 })),
  });
}

export interface BinaryDef {
  readonly name: string;
  readonly doc: string;
  readonly f: (x: number, y: number) => number;
  readonly scalar: (e: ScalarBuilder, x: Expr, y: Expr) => Expr;
  /** Gradients in the result's shape; absent: integers and booleans only. */
  readonly grad?: (
    b: Builder,
    c: GradientContext & { readonly x: Value; readonly y: Value },
  ) => readonly (Value | null)[];
  /** Element types taken, the same for both operands. Default: f32. */
  readonly dtypes?: readonly DType[];
  /** Default: the operands'. */
  readonly result?: DType;
  readonly ranges?: readonly [readonly [number, number], readonly [number, number]];
}

const pairs: readonly (readonly [Shape, Shape])[] = [
  ...shapes.map((shape) => [shape, shape] as const),
  [[3, 5], []],
  [[], ["n", 6]],
];

export function binary(def: BinaryDef): OpDef {
  const { name, f, grad, dtypes = ["f32"] } = def;
  const ranges = def.ranges ?? [
    [-2, 2],
    [-2, 2],
  ];
  const dtype = dtypes[0] as "f32" | "bool";
  const samples: Sample[] = pairs.map((pair) => ({
    inputs: pair.map((shape, i) => ({ shape, dtype, range: ranges[i] })),
    n: 3,
  }));
  return defineOp({
    name,
    doc: def.doc,
    category: "elementwise",
    infer(inputs) {
      expectOperands(name, inputs, 2);
      for (const type of inputs) expectDType(name, type, dtypes);
      if (inputs[0].dtype !== inputs[1].dtype) {
        throw new ShapeError(`${name}: element types of ${showType(inputs[0])} and ${showType(inputs[1])} differ`);
      }
      return { dtype: def.result ?? inputs[0].dtype, shape: commonShape(name, inputs) };
    },
    grad: grad && ((b, c) => grad(b, { ...c, x: c.inputs[0], y: c.inputs[1] })),
    reference([x, y], _, type, env) {
      const out = zeros(concrete(type.shape, env.n));
      const [dx, dy] = [step(x), step(y)];
      for (let i = 0; i < out.data.length; i++) out.data[i] = f(x.data[i * dx], y.data[i * dy]);
      return out;
    },
    scalar: (e, [x, y]) => def.scalar(e, x, y),
    samples,
  });
}

/** The larger or smaller of x and y: of one that may be NaN and a number, by an instruction that gives back the first at NaN. */
export function extreme(e: ScalarBuilder, op: "max" | "min", x: Expr, y: Expr): Expr {
  if (!x.ty.startsWith("f32")) return e.binary(op, x, y);
  if (isNumber(y)) return e.binary(`p${op}`, x, y);
  return isNumber(x) ? e.binary(`p${op}`, y, x) : e.binary(op, x, y);
}

function isNumber(x: Expr): boolean {
  return x.k === "splat" ? isNumber(x.a) : x.k === "const" && !Number.isNaN(x.value);
}

/** A comparison: f32 or i32 operands of one type, a bool result. */
export function comparison(
  name: "eq" | "ne" | "lt" | "le" | "gt" | "ge",
  doc: string,
  f: (x: number, y: number) => boolean,
): OpDef {
  return binary({
    name,
    doc,
    f: (x, y) => Number(f(x, y)),
    scalar: (e, x, y) => e.compare(name, x, y),
    dtypes: ["f32", "i32"],
    result: "bool",
  });
}
