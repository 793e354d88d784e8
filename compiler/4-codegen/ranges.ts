/** Bounds of i32 values, by interval arithmetic. */
import type { Affine, BinaryOp, Expr, Local } from "../ir/loops.ts";

export interface Range {
  readonly low: number;
  readonly high: number;
}

export const UNKNOWN: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

export class Ranges {
  private readonly known = new Map<Local, Range>();

  set(v: Local, range: Range): void {
    this.known.set(v, range);
  }

  ofLocal(v: Local): Range {
    return this.known.get(v) ?? UNKNOWN;
  }

  of(e: Expr): Range {
    if (e.k === "const" && typeof e.value === "number") return { low: e.value, high: e.value };
    if (e.k === "local") return this.ofLocal(e.v);
    if (e.k === "binary" && e.ty === "i32") return combine(e.op, this.of(e.a), this.of(e.b));
    if (e.k === "share") return { low: 0, high: this.of(e.trips).high };
    if (e.k === "select") return union(this.of(e.a), this.of(e.b));
    if (e.k === "cast" && e.a.ty === "bool") return { low: 0, high: 1 };
    if (e.k === "load" && e.buffer.elem === "u8") return { low: 0, high: 255 };
    return UNKNOWN;
  }

  ofAffine(at: Affine): Range {
    return at.terms.reduce((sum, { v, by }) => plus(sum, scale(this.ofLocal(v), by)), { low: at.base, high: at.base });
  }
}

export const plus = (a: Range, b: Range): Range => ({ low: a.low + b.low, high: a.high + b.high });

export function scale(a: Range, by: number): Range {
  if (by === 0) return { low: 0, high: 0 };
  return by > 0 ? { low: a.low * by, high: a.high * by } : { low: a.high * by, high: a.low * by };
}

const union = (a: Range, b: Range): Range => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) });

function combine(op: BinaryOp, a: Range, b: Range): Range {
  const divisor = b.low === b.high && b.low > 0 ? b.low : null;
  switch (op) {
    case "add":
      return plus(a, b);
    case "sub":
      return plus(a, scale(b, -1));
    case "mul":
      if (b.low === b.high) return scale(a, b.low);
      return a.low === a.high ? scale(b, a.low) : UNKNOWN;
    case "div":
      return divisor ? { low: Math.floor(a.low / divisor), high: Math.floor(a.high / divisor) } : UNKNOWN;
    case "rem":
      return divisor ? { low: 0, high: divisor - 1 } : UNKNOWN;
    case "max":
      return { low: Math.max(a.low, b.low), high: Math.max(a.high, b.high) };
    case "min":
      return { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high) };
    case "and":
      // The bits of a number that is not negative, without some of them.
      if (a.low >= 0) return { low: 0, high: a.high };
      return b.low >= 0 ? { low: 0, high: b.high } : UNKNOWN;
    default:
      return UNKNOWN;
  }
}
