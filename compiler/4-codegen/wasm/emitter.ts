/** What the emission of one function of the WASM target shares: its locals, its constants, its addresses. */
import type { Affine, Buffer, Elem, Expr, Local, Stmt, Ty } from "../../ir/loops.ts";
import type { Code, FunctionRef, LocalRef, ValueType } from "../../wasm/index.ts";
import { blocks, eachExpr, expressions } from "../traverse.ts";

type Const = Expr & { readonly k: "const" };

/** Gives the function of the module for a math operation: the vector `exp` of `exp`, and so on. */
export type MathLibrary = (op: string) => Code;

/** The threads that run a kernel together. */
export interface Team {
  /** The number of this thread, and how many there are. */
  readonly thread: LocalRef;
  readonly threads: LocalRef;
  /** Takes both; returns when all threads have called it. */
  readonly barrier: FunctionRef;
}

export class Emitter {
  private readonly locals = new Map<Local, LocalRef>();
  private readonly constants = new Map<string, LocalRef>();

  constructor(
    readonly code: Code,
    readonly math: MathLibrary,
    /** Where each buffer starts, in bytes. */
    private readonly starts: ReadonlyMap<Buffer, LocalRef>,
    /** In a kernel that threads share. */
    readonly team: Team | null = null,
  ) {}

  /** Makes an argument readable as a local. */
  bind(v: Local, to: LocalRef): void {
    this.locals.set(v, to);
  }

  local(v: Local): LocalRef {
    let ref = this.locals.get(v);
    if (!ref) {
      ref = this.code.local(valueType(v.ty));
      this.locals.set(v, ref);
    }
    return ref;
  }

  /**
   * Loads the vector constants that loops read into locals. (V8 otherwise makes some of them again at each use.) Zero is
   * left out: it costs one instruction without a load.
   */
  hoistConstants(block: readonly Stmt[], inLoop = false): void {
    for (const s of block) {
      const inside = inLoop || s.k === "loop";
      if (inside) for (const e of expressions(s)) eachExpr(e, (x) => this.hoist(x));
      for (const inner of blocks(s)) this.hoistConstants(inner, inside);
    }
  }

  private hoist(e: Expr): void {
    for (const constant of vectorConstants(e)) {
      const key = keyOf(constant);
      if (isZero(constant) || this.constants.has(key)) continue;
      const ref = this.code.local("v128");
      this.pushVector(constant);
      this.code.set(ref);
      this.constants.set(key, ref);
    }
  }

  /** Pushes a constant. */
  constant(e: Const): Code {
    const { code } = this;
    if (e.ty === "f32") return code.op("f32.const", e.value as number);
    if (valueType(e.ty) === "i32") return code.i32(e.value as number);
    const hoisted = this.constants.get(keyOf(e));
    return hoisted ? code.get(hoisted) : this.pushVector(e);
  }

  private pushVector(e: Const): Code {
    const { code } = this;
    const bits = lanesOf(e);
    if (isZero(e) || bits.some((b) => b !== bits[0])) {
      return code.op("v128.const", [...new Uint8Array(Int32Array.from(bits).buffer)]);
    }
    if (e.ty !== "f32x4") return code.i32(bits[0]).op("i32x4.splat");
    return code.op("f32.const", typeof e.value === "number" ? e.value : e.value[0]).op("f32x4.splat");
  }

  /**
   * Pushes an address in bytes and returns the offset for the instruction. `low` is the lowest of the elements that will be
   * accessed, relative to `at`.
   */
  address(buffer: Buffer, at: Affine, low = 0): number {
    const { code } = this;
    const size = SIZES[buffer.elem];
    const pointer = at.terms.find((t) => t.v.pointsTo);
    const others = at.terms.filter((t) => t !== pointer);
    code.get(pointer ? this.local(pointer.v) : this.starts.get(buffer)!);
    for (const { v, by } of others) {
      code.get(this.local(v));
      this.times(by * size);
      code.op("i32.add");
    }
    // An offset does not wrap: it may only be added to an address that is known not to be negative.
    if (others.length === 0 && at.base + low >= 0) return at.base * size;
    const start = (at.base + low) * size;
    if (start !== 0) code.i32(start).op("i32.add");
    return -low * size;
  }

  /** Multiplies the number on the stack. */
  private times(by: number): void {
    const shift = Math.log2(by);
    if (by === 1) return;
    if (Number.isInteger(shift)) this.code.i32(shift).op("i32.shl");
    else this.code.i32(by).op("i32.mul");
  }
}

export const SIZES: Readonly<Record<Elem, number>> = { f32: 4, i32: 4, u8: 1 };

export function valueType(ty: Ty): ValueType {
  if (ty.endsWith("x4")) return "v128";
  return ty === "f32" ? "f32" : "i32";
}

/** The constants that an expression needs as vectors. */
function vectorConstants(e: Expr): Const[] {
  if (e.k === "const" && e.ty.endsWith("x4")) return [e];
  return e.k === "cast" && e.a.ty === "boolx4" && e.ty === "f32x4" ? [ONE] : [];
}

export const ONE: Const = { k: "const", ty: "f32x4", value: 1 };

/** The bits of each lane. */
function lanesOf(e: Const): number[] {
  const values = typeof e.value === "number" ? [e.value, e.value, e.value, e.value] : [...e.value];
  if (e.ty === "f32x4") return [...new Int32Array(Float32Array.from(values).buffer)];
  return values.map((v) => (e.ty === "boolx4" ? -v : v) | 0);
}

const keyOf = (e: Const): string =>
  [e.ty, e.value]
    .flat()
    .map((x) => (Object.is(x, -0) ? "-0" : x))
    .join();
const isZero = (e: Const): boolean => Object.is(e.value, 0);
