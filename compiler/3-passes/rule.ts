/** What a simplification rule is, and what rules ask about values. */
import type { Builder } from "../ir/builder.ts";
import { type DType, type Module, type Shape, sameShape, type Value } from "../ir/graph.ts";
import { opNamed, ops } from "../ops/index.ts";
import { floatAttr, integersAttr } from "../ops/types.ts";

export interface Rule {
  readonly name: string;
  /** The transformation. */
  readonly doc: string;
  /** What must hold for the result to be the same up to rounding; absent: nothing. */
  readonly assumes?: string;
  /** Operations at the root of the pattern. */
  readonly ops: readonly string[];
  /** Also for integers and booleans; else only where the root is f32. */
  readonly anyType?: boolean;
  /** The value to use instead, or null where the rule does not apply. */
  readonly rewrite: (value: Value, c: RuleContext) => Value | null;
}

/**
 * How often a value is computed: once for ever, once a call by the host, once a call by a kernel, once for each element of
 * something smaller (a broadcast), once for each element. Terms and factors of lower rate are combined first.
 */
export const Rate = { constant: 0, host: 1, scalar: 2, broadcast: 3, element: 4 } as const;

export class RuleContext {
  private readonly rates = new Map<Value, number>();

  constructor(
    readonly b: Builder,
    private readonly inputs: Module["inputs"],
    /** Whether gradients are written out already. */
    readonly differentiated: boolean,
    /** Whether which of two elements is the larger is to be told after the roundings that the model spells out. */
    readonly strict = false,
  ) {}

  rate(value: Value): number {
    let rate = this.rates.get(value);
    if (rate === undefined) {
      rate = this.rateOf(value);
      this.rates.set(value, rate);
    }
    return rate;
  }

  isHost(value: Value): boolean {
    return this.rate(value) <= Rate.host;
  }

  /** Whether every element is known to be in 0 … classes − 1: the runtime checks labels. */
  isLabel(value: Value, classes: number): boolean {
    if (value.op === "argmax") {
      const size = value.inputs[0].type.shape[value.attrs.axis as number];
      return typeof size === "number" && size <= classes;
    }
    if (value.op !== "input") return false;
    const input = this.inputs.find(({ name }) => name === value.attrs.name);
    return input?.classes !== undefined && input.classes <= classes;
  }

  private rateOf({ op, inputs, type }: Value): number {
    if (type.shape.length > 0) return op === "broadcast" ? Rate.broadcast : Rate.element;
    if (op === "const") return Rate.constant;
    if (op === "host") return Rate.host;
    if (opNamed(op).category !== "elementwise") return Rate.scalar;
    return Math.max(...inputs.map((input) => this.rate(input)));
  }
}

export const elementwiseOps: readonly string[] = ops
  .filter(({ category }) => category === "elementwise")
  .map(({ name }) => name);

/** The number that a rank-0 value is. Integers are casts of constants; true is 0 = 0, false is 0 ≠ 0. */
export function constantOf(value: Value): number | null {
  if (value.op === "const") return floatAttr(value.attrs, "value");
  const operands = value.inputs.map((input) => (input.op === "const" ? floatAttr(input.attrs, "value") : null));
  if (operands.length === 0 || operands.includes(null)) return null;
  if (value.op === "cast") return Math.trunc(operands[0]!);
  if (value.op === "eq") return Number(operands[0] === operands[1]);
  if (value.op === "ne") return Number(operands[0] !== operands[1]);
  return null;
}

export function makeConstant(b: Builder, dtype: DType, value: number): Value {
  if (dtype === "bool") return b.op(value ? "eq" : "ne", [b.const(0), b.const(0)]);
  return b.cast(b.const(value), dtype);
}

/** The rank-0 value that every element is, or null. */
export function splatOf(value: Value): Value | null {
  return value.op === "broadcast" && value.inputs[0].type.shape.length === 0 ? value.inputs[0] : null;
}

/** x in this shape, where it has it or is of rank 0; else null. */
export function inShape(b: Builder, x: Value, shape: Shape): Value | null {
  if (sameShape(x.type.shape, shape)) return x;
  return x.type.shape.length === 0 ? b.broadcast(x, shape, []) : null;
}

/** x, where the value is −x: a negation, or the broadcast of one. */
export function negated(b: Builder, value: Value): Value | null {
  if (value.op === "neg") return value.inputs[0];
  if (value.op !== "broadcast" || value.inputs[0].op !== "neg") return null;
  return b.op("broadcast", value.inputs[0].inputs, value.attrs);
}

/** Axes of a broadcast along which its elements differ, each with the operand's axis. */
export function varyingAxes(broadcast: Value): { readonly own: number; readonly axis: number }[] {
  const own = broadcast.inputs[0].type.shape;
  return integersAttr(broadcast.attrs, "axes")
    .map((axis, i) => ({ own: i, axis }))
    .filter(({ own: i, axis }) => own[i] === broadcast.type.shape[axis]);
}

/** A commutative operation's operands in both orders. */
export function bothOrders({ inputs: [x, y] }: Value): readonly (readonly [Value, Value])[] {
  return [
    [x, y],
    [y, x],
  ];
}
