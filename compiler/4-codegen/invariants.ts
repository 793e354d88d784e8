/**
 * Loop-invariant code motion: a costly value that a loop computes anew in each iteration, from operands that the loop does not
 * change, is computed before the loop. Loads leave only loops that write nothing, as buffers may share memory.
 */
import type { Expr, Local, Stmt } from "../ir/loops.ts";
import { eachExpr, eachStmt, target } from "./traverse.ts";

type Block = readonly Stmt[];

/** Cheaper operations stay too: keeping their value would cost a register. */
const COSTLY = new Set([
  "div",
  "rem",
  "pow",
  "sqrt",
  "exp",
  "log",
  "log1p",
  "expm1",
  "tanh",
  "erf",
  "sigmoid",
  "sin",
  "cos",
]);

export function hoistInvariants(block: Block): Stmt[] {
  return block.flatMap((s): Stmt[] => {
    if (s.k === "if") return [{ ...s, then: hoistInvariants(s.then), else: hoistInvariants(s.else) }];
    if (s.k !== "for") return [s];
    const body = hoistInvariants(s.body);
    const assignments = countAssignments(body);
    assignments.set(s.v, 1);
    const readsOnly = !writes(body);
    const hoisted = body.filter((inner) => isInvariant(inner, assignments, readsOnly));
    return [...hoisted, { ...s, body: body.filter((inner) => !hoisted.includes(inner)) }];
  });
}

function isInvariant(s: Stmt, assignments: ReadonlyMap<Local, number>, readsOnly: boolean): boolean {
  if (s.k !== "let" || assignments.get(s.v) !== 1) return false;
  let [movable, costly] = [true, false];
  eachExpr(s.init, (e) => {
    if (e.k === "load" && (!readsOnly || e.at.terms.some(({ v }) => assignments.has(v)))) movable = false;
    if (e.k === "local" && assignments.has(e.v)) movable = false;
    if (isCostly(e)) costly = true;
  });
  return movable && costly;
}

const isCostly = (e: Expr): boolean =>
  e.k === "load" || e.k === "uniform" || ((e.k === "unary" || e.k === "binary") && COSTLY.has(e.op));

function writes(block: Block): boolean {
  let found = false;
  eachStmt(block, (s) => {
    if (s.k === "store" || s.k === "zero" || s.k === "barrier") found = true;
  });
  return found;
}

function countAssignments(block: Block): Map<Local, number> {
  const counts = new Map<Local, number>();
  eachStmt(block, (s) => {
    const v = target(s);
    if (v) counts.set(v, (counts.get(v) ?? 0) + 1);
  });
  return counts;
}
