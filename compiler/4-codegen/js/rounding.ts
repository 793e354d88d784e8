/**
 * Where JavaScript rounds to float32. Kernels compute in float64 and round what they store, so one kernel may compute anew, with
 * all its digits, what another one loads. A value must still be the same everywhere: `x == max(x)`, by which the gradient of a
 * maximum finds its place, would hold nowhere. So what is stored is rounded before anything else uses it, and comparisons are
 * of rounded numbers.
 */
import type { Expr, Kernel, Local } from "../../ir/loops.ts";
import { eachStmt } from "../traverse.ts";

export class Rounding {
  /** All that is assigned to each float. */
  private readonly values = new Map<Local, Expr[]>();
  private readonly stored = new Set<Local>();

  /** Without a kernel nothing is rounded. */
  constructor(kernel: Kernel | null) {
    eachStmt(kernel?.body ?? [], (s) => {
      if (s.k === "let") this.assigned(s.v, s.init);
      if (s.k === "set") this.assigned(s.v, s.value);
      if (s.k === "store" && s.buffer.elem === "f32" && s.value.k === "local") this.stored.add(s.value.v);
    });
  }

  private assigned(v: Local, value: Expr): void {
    if (v.ty === "f32") this.values.set(v, [...(this.values.get(v) ?? []), value]);
  }

  /** Whether the local's value is to be rounded where it is assigned: sums in progress keep their digits. */
  isRounded(v: Local): boolean {
    const values = this.values.get(v) ?? [];
    return this.stored.has(v) && values.length === 1 && !this.isNarrow(values[0]);
  }

  /** Whether an operand of a comparison is to be rounded. */
  isWide(e: Expr): boolean {
    return this.values.size > 0 && e.ty === "f32" && !this.isNarrow(e);
  }

  /** Whether the value is a float32 number, or a constant. */
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
        if (open.has(v) || (this.stored.has(v) && values.length === 1)) return true;
        const deeper = new Set([...open, v]);
        return values.length > 0 && values.every((value) => this.isNarrow(value, deeper));
      }
      default:
        return false;
    }
  }
}
