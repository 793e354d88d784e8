/** A direct evaluator of the loop IR, before or after strength reduction: what the backends are compared with. */
import type { Affine, Buffer, Expr, Kernel, Local, Stmt } from "../../compiler/ir/loops.ts";

type Value = number | readonly number[];

/** Runs a kernel on arrays; an access outside of them is an error. */
export function evaluate(kernel: Kernel, arrays: ReadonlyMap<Buffer, number[]>, n: number): void {
  new Evaluator(arrays).run(kernel, n);
}

class Evaluator {
  private readonly locals = new Map<Local, Value>();

  constructor(private readonly arrays: ReadonlyMap<Buffer, number[]>) {}

  run(kernel: Kernel, n: number): void {
    this.locals.set(kernel.n, n);
    this.block(kernel.body);
  }

  private block(block: readonly Stmt[]): void {
    for (const s of block) this.statement(s);
  }

  private statement(s: Stmt): void {
    switch (s.k) {
      case "let":
        this.locals.set(s.v, this.expr(s.init));
        return;
      case "set":
        this.locals.set(s.v, this.expr(s.value));
        return;
      case "store": {
        const value = lanes(this.expr(s.value)).slice(0, s.count ?? 4);
        value.forEach((x, lane) => {
          this.write(s.buffer, this.place(s.at) + lane * s.stride, x);
        });
        return;
      }
      case "for": {
        const to = this.int(s.to);
        for (let v = this.int(s.from); v < to; v += s.step) {
          this.locals.set(s.v, v);
          this.block(s.body);
        }
        this.locals.delete(s.v);
        return;
      }
      case "if":
        this.block(this.expr(s.cond) ? s.then : s.else);
        return;
      case "zero":
        for (let i = 0; i < this.int(s.count); i++) this.write(s.buffer, this.place(s.at) + i, 0);
        return;
      case "loop":
        do this.block(s.body);
        while (this.expr(s.while));
        return;
      case "point":
        this.locals.set(s.v, this.index(s.at));
        return;
    }
  }

  /** An element index. A constant is added to a pointer as an unsigned offset, so the pointer must not be negative. */
  private place(at: Affine): number {
    if (
      at.terms.length === 1 &&
      at.terms[0].v.pointsTo &&
      (at.base < 0 || (at.base > 0 && this.local(at.terms[0].v) < 0))
    ) {
      throw new RangeError(`${at.terms[0].v.name} = ${this.local(at.terms[0].v)}, offset ${at.base}`);
    }
    return this.index(at);
  }

  private index(at: Affine): number {
    return at.terms.reduce((sum, t) => sum + t.by * this.local(t.v), at.base);
  }

  private local(v: Local): number {
    const value = this.locals.get(v);
    if (typeof value !== "number") throw new Error(`${v.name} is not set`);
    return value;
  }

  private int(e: Expr): number {
    return this.expr(e) as number;
  }

  private read(buffer: Buffer, index: number): number {
    const array = this.arrays.get(buffer)!;
    if (index < 0 || index >= array.length) throw new RangeError(`${buffer.name}[${index}]`);
    return array[index];
  }

  private write(buffer: Buffer, index: number, value: number): void {
    this.read(buffer, index);
    this.arrays.get(buffer)![index] = buffer.elem === "u8" ? value & 255 : value;
  }

  private expr(e: Expr): Value {
    const of = (x: Expr) => this.expr(x);
    switch (e.k) {
      case "const":
        return e.ty.endsWith("x4") ? vector(e.value) : (e.value as number);
      case "local":
        return this.locals.get(e.v)!;
      case "unary":
        return map((a) => (e.ty.startsWith("i32") ? UNARY[e.op](a) | 0 : UNARY[e.op](a)), of(e.a));
      case "binary":
        return map((a, b) => binary(e.op, e.ty.startsWith("i32"), a, b), of(e.a), of(e.b));
      case "compare":
        return map((a, b) => Number(COMPARE[e.op](a, b)), of(e.a), of(e.b));
      case "select":
        return map((c, a, b) => (c ? a : b), of(e.cond), of(e.a), of(e.b));
      case "cast":
        return map((a) => (e.ty.startsWith("i32") && e.a.ty.startsWith("f32") ? toInt(a) : a), of(e.a));
      case "splat":
        return vector(of(e.a));
      case "fold": {
        const [a, b, c, d] = lanes(of(e.a)) as number[];
        const f = (x: number, y: number) => binary(e.op, false, x, y);
        return f(f(a, b), f(c, d));
      }
      case "lane":
        return lanes(of(e.a))[e.lane];
      case "load": {
        const at = this.place(e.at);
        if (!e.ty.endsWith("x4")) return this.read(e.buffer, at);
        return [0, 1, 2, 3].map((lane) => this.read(e.buffer, at + lane * e.stride));
      }
      case "share":
        throw new TypeError("kernels are not shared out here");
      case "uniform":
        throw new Error("random numbers have tests of their own");
    }
  }
}

const lanes = (v: Value): readonly number[] => (typeof v === "number" ? [v] : v);
const vector = (v: Value): readonly number[] => (typeof v === "number" ? [v, v, v, v] : v);

function map(f: (...args: number[]) => number, ...args: readonly Value[]): Value {
  if (args.every((a) => typeof a === "number")) return f(...(args as number[]));
  return [0, 1, 2, 3].map((lane) => f(...args.map((a) => vector(a)[lane])));
}

const toInt = (x: number): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, x)) | 0;

const UNARY: Record<string, (a: number) => number> = {
  ...{ neg: (a) => -a, abs: Math.abs, sqrt: Math.sqrt, floor: Math.floor, ceil: Math.ceil, not: (a) => 1 - a },
  nearest: (a) => (a % 1 === 0.5 || a % 1 === -0.5 ? 2 * Math.round(a / 2) : Math.round(a)),
};

const COMPARE: Record<string, (a: number, b: number) => boolean> = {
  ...{ eq: (a, b) => a === b, ne: (a, b) => a !== b, lt: (a, b) => a < b },
  ...{ le: (a, b) => a <= b, gt: (a, b) => a > b, ge: (a, b) => a >= b },
};

function binary(op: string, integer: boolean, a: number, b: number): number {
  switch (op) {
    case "add":
      return integer ? (a + b) | 0 : a + b;
    case "sub":
      return integer ? (a - b) | 0 : a - b;
    case "mul":
      return integer ? Math.imul(a, b) : a * b;
    case "div":
      return integer ? Math.floor(a / b) : a / b;
    case "rem":
      return a - b * Math.floor(a / b);
    case "max":
      return Math.max(a, b);
    case "min":
      return Math.min(a, b);
    case "pmax":
      return [a, b][Number(a < b)];
    case "pmin":
      return [a, b][Number(b < a)];
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "shl":
      return a << b;
    case "shr_u":
      return (a >>> b) | 0;
    default:
      throw new Error(`no ${op} here`);
  }
}
