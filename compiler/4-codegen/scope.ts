/**
 * Computes values of the tensor IR at an index, inside the kernel being written: stored values are loaded, the others are
 * computed from their operands. Indices are linear in loop counters; in vector code, one counter is the lane axis, and an
 * expression stands for the elements at that counter + 0, 1, 2, 3.
 */
import { isHost } from "../3-passes/host.ts";
import { splitAxes } from "../3-passes/inline.ts";
import type { Value } from "../ir/graph.ts";
import { type Layout, stridesOf } from "../ir/layout.ts";
import { type Affine, type Buffer, type Elem, type Expr, type Local, vectorOf } from "../ir/loops.ts";
import { opNamed } from "../ops/index.ts";
import { addAffine, affine, type KernelBuilder, scaleAffine } from "./kernel-builder.ts";

/** Where a value lies in memory. */
export interface Place {
  readonly buffer: Buffer;
  readonly layout: Layout;
}

/** What the kernel's group knows of memory. */
export interface Memory {
  /** The place to load a value from, or null if this kernel computes it. */
  source(value: Value): Place | null;
  rng(): Buffer;
  /** Whether a host condition holds, in a local of the whole kernel. */
  flag(condition: Value): Local;
  /** Whether the kernel's samples are a part of the batch. */
  readonly cut: boolean;
}

export type Index = readonly Affine[];

export class Scope {
  private readonly known = new Map<string, Expr>();

  constructor(
    private readonly k: KernelBuilder,
    private readonly memory: Memory,
    /** The lane axis of vector code; null in scalar code. */
    readonly lane: Local | null,
    /** Values already in registers at this place: the anchor's result. */
    private readonly registers: ReadonlyMap<Value, Expr> = new Map(),
  ) {}

  /** The value at `index`: a vector where it varies along the lane axis, a scalar where it doesn't. */
  at(value: Value, index: Index): Expr {
    const register = this.registers.get(value);
    if (register) return register;
    const key = `${value.id}@${index.map(keyOf).join()}`;
    let expr = this.known.get(key);
    if (!expr) {
      expr = this.compute(value, index);
      this.known.set(key, expr);
    }
    return expr;
  }

  private compute(value: Value, index: Index): Expr {
    const { e } = this.k;
    if (value.op === "const") return e.const(Number(value.attrs.value));
    const place = this.memory.source(value);
    if (place) return this.load(value, place, index);
    const [x] = value.inputs;
    switch (value.op) {
      case "broadcast": {
        const axes = value.attrs.axes as number[];
        const sizes = x.type.shape;
        return this.at(
          x,
          axes.map((axis, i) => (sizes[i] === 1 ? affine() : index[axis])),
        );
      }
      case "transpose": {
        const from: Affine[] = [];
        (value.attrs.perm as number[]).forEach((axis, i) => {
          from[axis] = index[i];
        });
        return this.at(x, from);
      }
      case "reverse": {
        const axes = value.attrs.axes as number[];
        return this.at(
          x,
          index.map((a, i) => (axes.includes(i) ? addAffine(affine((x.type.shape[i] as number) - 1), a, -1) : a)),
        );
      }
      case "slice": {
        const starts = value.attrs.starts as number[];
        const strides = value.attrs.strides as number[];
        return this.at(
          x,
          index.map((a, i) => addAffine(affine(starts[i]), a, strides[i])),
        );
      }
      case "reshape": {
        const { shape } = value.type;
        const merged = (at: Affine, axis: number) =>
          addAffine(index[axis], at, shape[axis] === "n" ? 1 : (shape[axis] as number));
        return this.at(
          x,
          splitAxes(x.type.shape, shape)!.map((axes) => axes.reduce(merged, affine())),
        );
      }
      case "one_hot": {
        const label = this.at(x, index.slice(0, -1));
        return this.k.let(e.cast(e.compare("eq", label, this.number(index[index.length - 1])), "f32"));
      }
      case "iota":
        return this.number(index[value.attrs.axis as number]);
      case "random_uniform":
        return this.uniform(value, index);
      default: {
        const arg = (input: Value) => this.at(input, input.type.shape.length === 0 ? [] : index);
        if (this.isChoice(value)) {
          const [condition, a, b] = value.inputs;
          return this.k.choose(this.memory.flag(condition), arg(a), arg(b));
        }
        const args = value.inputs.map(arg);
        const expr = opNamed(value.op).scalar!(e, args, value.attrs);
        return expr.k === "local" || expr.k === "const" ? expr : this.k.let(expr);
      }
    }
  }

  /** Whether the host decides between two values each of which takes reading what the other does not. */
  private isChoice({ op, inputs: [condition, a, b] }: Value): boolean {
    if (op !== "where" || !isHost(condition)) return false;
    const [ofA, ofB] = [this.readBy(a), this.readBy(b)];
    const alone = (own: ReadonlySet<Buffer>, other: ReadonlySet<Buffer>) => [...own].some((x) => !other.has(x));
    return alone(ofA, ofB) && alone(ofB, ofA);
  }

  /** What computing a value reads, but for numbers of the host. */
  private readBy(value: Value): ReadonlySet<Buffer> {
    const buffers = new Set<Buffer>();
    const seen = new Set<Value>();
    const visit = (x: Value): void => {
      if (seen.has(x) || x.op === "const" || isHost(x)) return;
      seen.add(x);
      const place = this.memory.source(x);
      if (place) buffers.add(place.buffer);
      else x.inputs.forEach(visit);
    };
    visit(value);
    return buffers;
  }

  private load(value: Value, place: Place, index: Index): Expr {
    const { e } = this.k;
    const at = addressOf(place.layout, index);
    const stride = this.lane ? (at.terms.find((t) => t.v === this.lane)?.by ?? 0) : 0;
    const elem = place.buffer.elem;
    const ty = elem === "f32" ? "f32" : "i32";
    const constant = at.terms.length === 0 && (isHost(value) || value.type.shape.length === 0);
    const loaded = constant
      ? this.k.number(ty, place.buffer, at.base)
      : this.k.let({ k: "load", ty: stride === 0 ? ty : vectorOf(ty), buffer: place.buffer, at, stride });
    if (value.type.dtype === "bool") return this.k.let(e.compare("ne", loaded, e.const(0, ty)));
    return value.type.dtype === "f32" ? loaded : e.cast(loaded, "i32");
  }

  /** An index as a number: a vector of four where it varies along the lane axis. */
  private number(index: Affine): Expr {
    const { e } = this.k;
    const first = this.k.index(index);
    const by = index.terms.find((t) => t.v === this.lane)?.by ?? 0;
    if (by === 0) return first;
    return e.add(e.splat(first), { k: "const", ty: "i32x4", value: [0, by, 2 * by, 3 * by] });
  }

  private uniform(value: Value, index: Index): Expr {
    let linear = affine();
    for (const [axis, dim] of value.type.shape.entries()) {
      const at =
        dim === "n" && this.memory.cut ? addAffine(index[axis], affine(0, [this.k.firstSample(), 1])) : index[axis];
      linear = addAffine(scaleAffine(linear, dim === "n" ? 1 : dim), at);
    }
    const rng = this.memory.rng();
    const word = (i: number): Expr => this.k.number("i32", rng, i);
    const counter = this.number(linear);
    return this.k.let({
      k: "uniform",
      ty: counter.ty === "i32" ? "f32" : "f32x4",
      index: counter,
      site: value.attrs.site as number,
      seed: word(0),
      step: word(1),
    });
  }
}

const keyOf = (a: Affine): string => `${a.base}${a.terms.map((t) => `+${t.by}${t.v.name}`).join("")}`;

/** The element's address in its buffer, by a layout that is not blocked. */
export function addressOf(layout: Layout, index: Index): Affine {
  const strides = stridesOf(layout, index.length);
  return index.reduce((sum, a, axis) => addAffine(sum, a, strides[axis]), affine(layout.offset));
}

/** How a value is stored: boolean masks and window indices as bytes. */
export function elemOf(value: Value): Elem {
  if (value.type.dtype === "bool" || value.op === "max_pool2d_index" || value.type.dtype === "u8") return "u8";
  return value.type.dtype;
}
