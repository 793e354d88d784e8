import type { BinaryOp, Buffer, CompareOp, Expr, Ty } from "../../compiler/ir/loops.ts";
import type { Random } from "./random.ts";

export const FLOATS: Buffer = { name: "floats", elem: "f32" };
export const INTS: Buffer = { name: "ints", elem: "i32" };
export const BYTES: Buffer = { name: "bytes", elem: "u8" };

const constant = (value: number | number[], ty: Ty): Expr => ({ k: "const", ty, value });

/** Random expressions whose float values stay whole and small, so that every backend is exact. */
export class ExprMaker {
  constructor(
    private readonly rng: Random,
    private readonly vectors: boolean,
  ) {}

  float(depth: number): Expr {
    const ty = this.type("f32");
    const [a, b] = [() => this.float(depth - 1), () => this.float(depth - 1)];
    if (depth === 0) return this.leaf("f32");
    switch (this.rng.below(6)) {
      case 0:
        return { k: "unary", ty, op: (["neg", "abs", "floor", "ceil", "nearest"] as const)[this.rng.below(5)], a: a() };
      case 1:
        return { k: "select", ty, cond: this.bool(depth - 1), a: a(), b: b() };
      case 2:
        return { k: "cast", ty, a: this.rng.below(2) ? this.bool(depth - 1) : this.clamped(depth - 1) };
      case 3:
        return this.vectors ? { k: "splat", ty, a: this.folded("f32", a()) } : a();
      default: {
        const op = this.of<BinaryOp>(["add", "sub", "mul", "max", "min", "pmax", "pmin"]);
        return { k: "binary", ty, op, a: a(), b: b() };
      }
    }
  }

  int(depth: number): Expr {
    const ty = this.type("i32");
    const [a, b] = [() => this.int(depth - 1), () => this.int(depth - 1)];
    if (depth === 0) return this.leaf("i32");
    switch (this.rng.below(8)) {
      case 0:
        return { k: "unary", ty, op: this.of(["neg", "abs"] as const), a: a() };
      case 1:
        return { k: "select", ty, cond: this.bool(depth - 1), a: a(), b: b() };
      case 2:
        return { k: "cast", ty, a: this.rng.below(2) ? this.bool(depth - 1) : this.float(depth - 1) };
      case 3:
        return {
          k: "binary",
          ty,
          op: this.of(["div", "rem"] as const),
          a: a(),
          b: constant(1 + this.rng.below(12), ty),
        };
      case 4:
        return { k: "binary", ty, op: this.of(["shl", "shr_u"] as const), a: a(), b: constant(this.rng.below(32), ty) };
      case 5:
        return this.vectors ? { k: "splat", ty, a: this.folded("i32", a()) } : a();
      default: {
        const op = this.of<BinaryOp>(["add", "sub", "mul", "max", "min", "and", "or", "xor"]);
        return { k: "binary", ty, op, a: a(), b: b() };
      }
    }
  }

  bool(depth: number): Expr {
    const ty = this.type("bool");
    if (depth <= 0) return constant(this.rng.below(2), ty);
    const op = this.of<CompareOp>(["eq", "ne", "lt", "le", "gt", "ge"]);
    switch (this.rng.below(5)) {
      case 0:
        return { k: "compare", ty, op, a: this.int(depth - 1), b: this.int(depth - 1) };
      case 1:
        return { k: "unary", ty, op: "not", a: this.bool(depth - 1) };
      case 2:
        return {
          k: "binary",
          ty,
          op: this.of(["and", "or"] as const),
          a: this.bool(depth - 1),
          b: this.bool(depth - 1),
        };
      case 3:
        return this.vectors
          ? { k: "splat", ty, a: { k: "lane", ty: "bool", lane: 2, a: this.bool(depth - 1) } }
          : this.bool(0);
      default:
        return { k: "compare", ty, op, a: this.float(depth - 1), b: this.float(depth - 1) };
    }
  }

  /** An integer small enough for a float. */
  private clamped(depth: number): Expr {
    const ty = this.type("i32");
    return { k: "binary", ty, op: "rem", a: this.int(depth), b: constant(5, ty) };
  }

  private folded(ty: "f32" | "i32", a: Expr): Expr {
    if (this.rng.below(2)) return { k: "lane", ty, lane: this.rng.below(4) as 0 | 1 | 2 | 3, a };
    return { k: "fold", ty, op: this.of(["max", "min", "pmax", "pmin"] as const), a };
  }

  private leaf(ty: "f32" | "i32"): Expr {
    const wide = this.type(ty);
    if (this.rng.below(4) === 0) {
      const value = () => this.rng.below(7) - 3;
      return constant(this.vectors && this.rng.below(2) ? [value(), value(), value(), value()] : value(), wide);
    }
    const buffer = ty === "f32" ? FLOATS : this.of([INTS, BYTES]);
    const place = { base: 16 + this.rng.below(30), terms: [] };
    return { k: "load", ty: wide, buffer, at: place, stride: this.vectors ? this.of([0, 1, 2, -3]) : 0 };
  }

  private type(ty: "f32" | "i32" | "bool"): Ty {
    return this.vectors ? `${ty}x4` : ty;
  }
  private of<T>(list: readonly T[]): T {
    return list[this.rng.below(list.length)];
  }
}
