/** Builds values: infers types, shares equal values (so a graph never holds the same computation twice), broadcasts operands. */
import { ShapeError, type Span } from "../diagnostics.ts";
import { opNamed } from "../ops/index.ts";
import type { Attrs, Dim, DType, Shape, Value } from "./graph.ts";
import { sameShape } from "./graph.ts";

/** What a value computes, as text: equal for equal operations on the same operands. */
export function meaningOf(op: string, inputs: readonly Value[], attrs: Attrs): string {
  let meaning = op;
  for (const { id } of inputs) meaning += ` ${id}`;
  const keys = Object.keys(attrs);
  if (keys.length > 1) keys.sort();
  for (const key of keys) meaning += ` ${key}=${JSON.stringify(attrs[key])}`;
  return meaning;
}

export class Builder {
  /** Given to every value built from now on. */
  span: Span | null = null;
  private readonly shared = new Map<string, Value>();
  private nextId = 0;

  /** Any primitive, operands as they are (an elementwise one takes operands of one shape, or of rank 0). */
  op(name: string, inputs: readonly Value[], attrs: Attrs = {}): Value {
    const key = meaningOf(name, inputs, attrs);
    const known = this.shared.get(key);
    if (known) return known;
    const type = opNamed(name).infer(
      inputs.map((v) => v.type),
      attrs,
    );
    const value: Value = { id: this.nextId++, op: name, inputs, attrs, type, span: this.span };
    this.shared.set(key, value);
    return value;
  }

  const(value: number): Value {
    // JSON has no infinities: the attribute of a non-finite constant is its name.
    return this.op("const", [], { value: Number.isFinite(value) ? value : String(value) });
  }
  /** A scalar that the host computes before a call: n, step, epoch, … */
  host(name: string): Value {
    return this.op("host", [], { name });
  }

  neg = (a: Value) => this.op("neg", [a]);
  exp = (a: Value) => this.op("exp", [a]);
  log = (a: Value) => this.op("log", [a]);
  sqrt = (a: Value) => this.op("sqrt", [a]);
  add = (a: Value | number, b: Value | number) => this.binary("add", a, b);
  sub = (a: Value | number, b: Value | number) => this.binary("sub", a, b);
  mul = (a: Value | number, b: Value | number) => this.binary("mul", a, b);
  div = (a: Value | number, b: Value | number) => this.binary("div", a, b);

  /** Elementwise with two operands, broadcast to a common shape by NumPy's rule. */
  binary(op: string, a: Value | number, b: Value | number): Value {
    return this.op(op, this.align([a, b]));
  }
  where(cond: Value, a: Value | number, b: Value | number): Value {
    return this.op("where", this.align([cond, a, b]));
  }
  cast(a: Value, dtype: DType): Value {
    return a.type.dtype === dtype ? a : this.op("cast", [a], { dtype });
  }

  /** Removes `axes`. */
  sum(a: Value, axes: readonly number[]): Value {
    return axes.length === 0 ? a : this.op("sum", [a], { axes: [...axes].sort((x, y) => x - y) });
  }
  matmul = (a: Value, b: Value) => this.op("matmul", [a, b]);

  /** Axis i of `a` becomes axis `axes[i]` of the result; sizes of 1 stretch. */
  broadcast(a: Value, shape: Shape, axes: readonly number[]): Value {
    return sameShape(a.type.shape, shape) ? a : this.op("broadcast", [a], { shape, axes });
  }
  reshape(a: Value, shape: Shape): Value {
    return sameShape(a.type.shape, shape) ? a : this.op("reshape", [a], { shape });
  }
  transpose(a: Value, perm: readonly number[]): Value {
    return perm.every((p, i) => p === i) ? a : this.op("transpose", [a], { perm });
  }

  /** The operands in one shape (NumPy's rule: aligned at the last axis, sizes of 1 stretch); those of rank 0 stay. */
  align(operands: readonly (Value | number)[]): Value[] {
    const values = operands.map((v) => (typeof v === "number" ? this.const(v) : v));
    const rank = Math.max(...values.map((v) => v.type.shape.length));
    const shape: Dim[] = [];
    for (let axis = 0; axis < rank; axis++) {
      let dim: Dim = 1;
      for (const v of values) {
        const d = v.type.shape[axis - rank + v.type.shape.length] ?? 1;
        if (d !== 1 && dim !== 1 && d !== dim) {
          const shapes = values.map((x) => `[${x.type.shape.join(", ")}]`).join(" and ");
          throw new ShapeError(
            `shapes ${shapes} do not broadcast: axis ${axis - rank} is ${dim} in one and ${d} in the other`,
          );
        }
        if (d !== 1) dim = d;
      }
      shape.push(dim);
    }
    return values.map((v) => {
      const own = v.type.shape.length;
      return own === 0
        ? v
        : this.broadcast(
            v,
            shape,
            v.type.shape.map((_, i) => i + rank - own),
          );
    });
  }
}
