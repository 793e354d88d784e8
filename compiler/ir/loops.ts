/**
 * The loop IR: loop nests over buffers, with scalars and vectors of 4 lanes. Kernel templates write it, `4-codegen`
 * strength-reduces its addresses, and both backends (WASM, JavaScript) read nothing else.
 *
 * Addresses count elements. The float element is 4 bytes wide, or 8 in the high-precision JavaScript target.
 */
import type { Span } from "../diagnostics.ts";
import type { Teams } from "./teams.ts";

/** Types of locals and expressions. Vectors have 4 lanes; a bool vector is a lane mask. */
export type Ty = "f32" | "i32" | "bool" | "f32x4" | "i32x4" | "boolx4";

/** Types in memory. */
export type Elem = "f32" | "i32" | "u8";

/** A local variable: assigned by `let`, `set` or as a loop counter. Compared by identity. */
export interface Local {
  readonly name: string;
  readonly ty: Ty;
  /** A pointer: holds the place of an element of this buffer. Only strength reduction makes them. */
  readonly pointsTo?: Buffer;
}

/**
 * base + Σ by·v : an element index, linear in i32 locals; counted from the buffer's start, or from where a pointer points if
 * one of the terms is a pointer (by 1).
 */
export interface Affine {
  readonly base: number;
  readonly terms: readonly { readonly v: Local; readonly by: number }[];
}

export type UnaryOp =
  | "neg"
  | "abs"
  | "sqrt"
  | "floor"
  | "ceil"
  | "nearest"
  | "exp"
  | "log"
  | "log1p"
  | "expm1"
  | "tanh"
  | "erf"
  | "sigmoid"
  | "sin"
  | "cos"
  | "not"; // bool
/** f32: add sub mul div max min pmax pmin pow; i32: add sub mul div(rounds down, divisor a positive constant) rem max min and or xor shl shr_u; bool: and or.
 * `max`/`min` propagate NaN; `pmax(a, b)` is `a < b ? b : a`, `pmin(a, b)` is `b < a ? b : a`. Vectors shift by one count in all lanes. */
export type BinaryOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "rem"
  | "max"
  | "min"
  | "pmax"
  | "pmin"
  | "pow"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr_u";
export type CompareOp = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

export type Expr =
  /** Same value in every lane, unless a list of 4 is given. bool constants are 0 or 1. */
  | { readonly k: "const"; readonly ty: Ty; readonly value: number | readonly number[] }
  | { readonly k: "local"; readonly ty: Ty; readonly v: Local }
  | { readonly k: "unary"; readonly ty: Ty; readonly op: UnaryOp; readonly a: Expr }
  | { readonly k: "binary"; readonly ty: Ty; readonly op: BinaryOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: "compare"; readonly ty: Ty; readonly op: CompareOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: "select"; readonly ty: Ty; readonly cond: Expr; readonly a: Expr; readonly b: Expr }
  /** i32 ↔ f32 (towards zero, saturating, NaN → 0), bool → f32 | i32 (0 or 1). Same lanes. */
  | { readonly k: "cast"; readonly ty: Ty; readonly a: Expr }
  | { readonly k: "splat"; readonly ty: Ty; readonly a: Expr }
  /** Folds the 4 lanes in the fixed order (l0 ∘ l1) ∘ (l2 ∘ l3). */
  | { readonly k: "fold"; readonly ty: Ty; readonly op: "add" | "max" | "min" | "pmax" | "pmin"; readonly a: Expr }
  | { readonly k: "lane"; readonly ty: Ty; readonly lane: 0 | 1 | 2 | 3; readonly a: Expr }
  /**
   * A scalar, or 4 lanes at `at`, `at + stride`, … : stride 1 is one vector load, 0 a load and splat, else four loads.
   * u8 and i32 elements give i32.
   */
  | { readonly k: "load"; readonly ty: Ty; readonly buffer: Buffer; readonly at: Affine; readonly stride: number }
  /**
   * Where this thread's share of `trips` iterations begins: ⌈trips · thread / threads⌉, or with `end` where it ends, which is
   * where the next thread's begins. Threads are counted from the last if `fromLast`. Made by `4-codegen/parallel.ts`.
   */
  | { readonly k: "share"; readonly ty: "i32"; readonly trips: Expr; readonly end: boolean; readonly fromLast: boolean }
  /**
   * Uniform in [0, 1): Philox2x32-10, counter (⌊index / 8⌋·4 + index mod 4, step), key = seed xor site·0x9E3779B9; the upper 24
   * bits of word ⌊index / 4⌋ mod 2 times 2^-24.
   */
  | {
      readonly k: "uniform";
      readonly ty: "f32" | "f32x4";
      readonly index: Expr;
      readonly site: number;
      readonly seed: Expr;
      readonly step: Expr;
    };

export type Stmt =
  /** Read within its block only. */
  | { readonly k: "let"; readonly v: Local; readonly init: Expr }
  | { readonly k: "set"; readonly v: Local; readonly value: Expr }
  /** A vector value writes `count` (default 4) lanes at `at`, `at + stride`, …; f32 values to f32 buffers, i32 to i32 and u8 ones. */
  | {
      readonly k: "store";
      readonly buffer: Buffer;
      readonly at: Affine;
      readonly value: Expr;
      readonly stride: number;
      readonly count?: number;
    }
  /**
   * for (v = from; v < to; v += step) — `step` > 0; `to` is evaluated once; the body does not set `v`, and nothing reads it
   * afterwards.
   *
   * In a `parallel` loop no iteration touches what another one writes, so that threads may share them out. `last` gives what
   * does not divide evenly to the last threads instead of the first. Loops of equal bounds are shared out equally.
   */
  | {
      readonly k: "for";
      readonly v: Local;
      readonly from: Expr;
      readonly to: Expr;
      readonly step: number;
      readonly body: readonly Stmt[];
      readonly parallel?: "first" | "last";
    }
  | { readonly k: "if"; readonly cond: Expr; readonly then: readonly Stmt[]; readonly else: readonly Stmt[] }
  /** Zeroes `count` elements from `at`; threads may share them out if it is `parallel`. */
  | { readonly k: "zero"; readonly buffer: Buffer; readonly at: Affine; readonly count: Expr; readonly parallel?: true }
  /** What threads wrote before it is there for all of them after it. Only as a statement of the kernel's own block. */
  | { readonly k: "barrier" }
  /** Made by strength reduction: do body while (cond). */
  | { readonly k: "loop"; readonly body: readonly Stmt[]; readonly while: Expr }
  /** Made by strength reduction: sets a pointer to the element at `at`. */
  | { readonly k: "point"; readonly v: Local; readonly at: Affine };

/** A kernel's parameter: where the elements are is given by the call. Compared by identity. */
export interface Buffer {
  readonly name: string;
  readonly elem: Elem;
  /** Scratch memory: each thread has its own. */
  readonly private?: true;
}

export interface Kernel {
  /** Unique in the module, legible: `conv1_conv2d_relu`. */
  readonly name: string;
  readonly buffers: readonly Buffer[];
  /** The number of samples, an i32 parameter that the body may read. */
  readonly n: Local;
  /** The number in the batch of the first of these samples, for kernels that ask for it: another such parameter. */
  readonly first?: Local;
  /** How many samples the sums that it adds to hold already: with none, it begins them, whatever the memory holds. */
  readonly begun?: Local;
  readonly body: readonly Stmt[];
}

/** The parameters that count samples, in their order. */
export function countersOf({ n, first, begun }: Kernel): Local[] {
  return [n, first, begun].filter((v) => v !== undefined);
}

/** One kernel applied to places in memory. `args` are byte addresses, one for each of the kernel's buffers. */
export interface Call {
  readonly kernel: Kernel;
  readonly args: readonly number[];
  /** What the call writes, for reports and for finding the first non-finite value: f32 regions only. */
  readonly writes: readonly {
    readonly label: string;
    readonly address: number;
    /** Of the whole region, or of each of the `n` samples. */
    readonly elements: number;
    readonly perSample: boolean;
    readonly span: Span | null;
  }[];
}

/** A byte address that moves along: `base`, and so many bytes for each thread, team, sample of the batch and sample of the team. */
export interface Address {
  readonly base: number;
  readonly thread?: number;
  readonly team?: number;
  readonly sample?: number;
  readonly teamSample?: number;
}

/** One kernel applied to a few samples of a team. */
export interface PartCall {
  readonly kernel: Kernel;
  readonly args: readonly Address[];
}

/**
 * Kernels that run depth first. Teams of samples are shared out among threads; a thread runs all parts of a team, each
 * part for a few samples at a time.
 */
export interface Blocks {
  readonly teams: Teams;
  /** The most threads that have memory of their own for it; others wait. */
  readonly threads: number;
  readonly parts: readonly BlocksPart[];
}

export interface BlocksPart {
  readonly samples: number;
  /** Zeroed before the part begins with a team's first samples: what its kernels add to and do not begin. */
  readonly sums: readonly { readonly at: Address; readonly bytes: number }[];
  readonly calls: readonly PartCall[];
}

export type ProgramStep = Call | Blocks;

export interface LoopProgram {
  readonly name: string;
  readonly steps: readonly ProgramStep[];
}

export const isBlocks = (step: ProgramStep): step is Blocks => "parts" in step;

/** Every call of a program, in the order in which they are first run. */
export function callsOf(program: LoopProgram): (Call | PartCall)[] {
  return program.steps.flatMap((step): (Call | PartCall)[] =>
    isBlocks(step) ? step.parts.flatMap((part) => part.calls) : [step],
  );
}

/** All that a backend needs. Each program becomes an exported function `(n: i32) -> i32`. */
export interface LoopModule {
  readonly programs: readonly LoopProgram[];
  /** Bytes of memory, all static. */
  readonly memoryBytes: number;
  readonly floatBytes: 4 | 8;
  /** Scan every call's writes: the program then returns 1 + the index of the first call that wrote a non-finite value, else 0. */
  readonly checkFinite: boolean;
  /** Bytes between the scratch memory of one thread and that of the next. */
  readonly scratchBytes?: number;
}

export const vectorOf = (ty: Ty): Ty => (ty.endsWith("x4") ? ty : (`${ty}x4` as Ty));
export const scalarOf = (ty: Ty): Ty => ty.replace("x4", "") as Ty;
export const isVector = (ty: Ty): boolean => ty.endsWith("x4");

/** Typed constructors of expressions; scalars are splatted where the other operand is a vector. */
export class ScalarBuilder {
  const(value: number, ty: Ty = "f32"): Expr {
    return { k: "const", ty, value };
  }
  local(v: Local): Expr {
    return { k: "local", ty: v.ty, v };
  }
  unary(op: UnaryOp, a: Expr): Expr {
    return { k: "unary", ty: a.ty, op, a };
  }
  binary(op: BinaryOp, a: Expr, b: Expr): Expr {
    const [x, y] = this.align(a, b);
    return { k: "binary", ty: x.ty, op, a: x, b: y };
  }
  compare(op: CompareOp, a: Expr, b: Expr): Expr {
    const [x, y] = this.align(a, b);
    return { k: "compare", ty: isVector(x.ty) ? "boolx4" : "bool", op, a: x, b: y };
  }
  select(cond: Expr, a: Expr, b: Expr): Expr {
    const vector = [cond, a, b].some((e) => isVector(e.ty));
    const [c, x, y] = vector ? [cond, a, b].map((e) => this.splat(e)) : [cond, a, b];
    return { k: "select", ty: x.ty, cond: c, a: x, b: y };
  }
  cast(a: Expr, to: "f32" | "i32"): Expr {
    const ty = isVector(a.ty) ? vectorOf(to) : to;
    return a.ty === ty ? a : { k: "cast", ty, a };
  }
  splat(a: Expr): Expr {
    if (isVector(a.ty)) return a;
    if (a.k === "const") return { ...a, ty: vectorOf(a.ty) };
    return { k: "splat", ty: vectorOf(a.ty), a };
  }
  add = (a: Expr, b: Expr) => this.binary("add", a, b);
  sub = (a: Expr, b: Expr) => this.binary("sub", a, b);
  mul = (a: Expr, b: Expr) => this.binary("mul", a, b);
  div = (a: Expr, b: Expr) => this.binary("div", a, b);

  private align(a: Expr, b: Expr): [Expr, Expr] {
    return isVector(a.ty) || isVector(b.ty) ? [this.splat(a), this.splat(b)] : [a, b];
  }
}
