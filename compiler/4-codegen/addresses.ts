/** What a piece of loop IR touches. */
import type { Affine, Local, Stmt } from "../ir/loops.ts";
import { accesses, eachExpr, eachStmt, expressions } from "./traverse.ts";

export interface Touched {
  readonly addresses: readonly Affine[];
  /** Locals that are read as numbers, not only inside addresses. */
  readonly numbers: ReadonlySet<Local>;
}

export function addressesIn(body: readonly Stmt[]): Touched {
  const addresses: Affine[] = [];
  const numbers = new Set<Local>();
  eachStmt(body, (s) => {
    for (const { at } of accesses(s)) addresses.push(at);
    for (const expression of expressions(s)) {
      eachExpr(expression, (e) => {
        if (e.k === "local") numbers.add(e.v);
      });
    }
  });
  return { addresses, numbers };
}
