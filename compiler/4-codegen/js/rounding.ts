/**
 * Where JavaScript rounds to float32. Its numbers are float64, and what is stored is rounded; but one kernel may load what another
 * one computes anew, and a value must be the same number in both: else `x == max(x)`, by which the gradient of a maximum finds
 * its place, would hold nowhere. So every value is rounded where it is computed. Sums keep their digits until they are complete.
 */
import type { Expr, Kernel, Local } from "../../ir/loops.ts";
import { eachStmt } from "../traverse.ts";

export class Rounding {
  /** All that is assigned to each float. */
  private readonly values = new Map<Local, Expr[]>();

  /** Without a kernel nothing is rounded. */
  constructor(private readonly kernel: Kernel | null) {
    eachStmt(kernel?.body ?? [], (s) => {
      if (s.k === "let") this.assigned(s.v, s.init);
      if (s.k === "set") this.assigned(s.v, s.value);
    });
  }

  private assigned(v: Local, value: Expr): void {
    if (v.ty === "f32") this.values.set(v, [...(this.values.get(v) ?? []), value]);
  }

  constant(value: number): number {
    return this.kernel ? Math.fround(value) : value;
  }

  /** Whether the local's value is to be rounded where it is assigned; what is assigned to again is a sum in progress. */
  isRounded(v: Local): boolean {
    const values = this.values.get(v) ?? [];
    return values.length === 1 && !this.isNarrow(values[0]);
  }

  /** Whether an operand of a comparison is to be rounded. */
  isWide(e: Expr): boolean {
    return this.values.size > 0 && e.ty === "f32" && !this.isNarrow(e);
  }

  /** Whether the value is a float32 number. */
  private isNarrow(e: Expr, open: ReadonlySet<Local> = new Set()): boolean {
    const of = (x: Expr): boolean => this.isNarrow(x, open);
    switch (e.k) {
      case "const":
      case "load":
        return true;
      case "cast":
        return e.a.ty === "bool";
      case "unary":
        return (e.op === "neg" || e.op === "abs") && of(e.a);
      case "binary":
        return ["max", "min", "pmax", "pmin"].includes(e.op) && of(e.a) && of(e.b);
      case "select":
        return of(e.a) && of(e.b);
      case "local": {
        const { v } = e;
        const values = this.values.get(v) ?? [];
        if (open.has(v) || values.length === 1) return true;
        const deeper = new Set([...open, v]);
        return values.length > 0 && values.every((value) => this.isNarrow(value, deeper));
      }
      default:
        return false;
    }
  }
}
