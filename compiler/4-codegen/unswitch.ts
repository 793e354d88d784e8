/**
 * Loop unswitching: a loop that chooses by a flag which it does not change becomes two, each without what only the other side of
 * the choice needs.
 *
 *     for … { … = flag ? a : b }        if flag { for … { … = a } } else { for … { … = b } }
 */
import type { Expr, Local, Stmt } from "../ir/loops.ts";
import { accesses, blocks, eachExpr, eachStmt, expressions, rewrite } from "./traverse.ts";

type Block = readonly Stmt[];

/** Each flag doubles the loops; by further ones values are selected that have both been computed. */
const MOST_FLAGS = 2;

export function unswitch(block: Block, flags: ReadonlySet<Local>): Block {
  return [...flags]
    .slice(0, MOST_FLAGS)
    .reduce((all, flag) => all.flatMap((s) => (chooses(s, flag) ? [either(s, flag)] : [s])), block);
}

/** Whether a loop, or a branch with loops, has a choice in it. */
function chooses(s: Stmt, flag: Local): boolean {
  let found = false;
  for (const block of blocks(s)) {
    eachStmt(block, (inner) => {
      for (const expression of expressions(inner)) eachExpr(expression, (e) => (found ||= isChoice(e, flag)));
    });
  }
  return found;
}

function isChoice(e: Expr, flag: Local): e is Expr & { readonly k: "select" } {
  if (e.k !== "select") return false;
  const cond = e.cond.k === "splat" ? e.cond.a : e.cond;
  return cond.k === "local" && cond.v === flag;
}

function either(s: Stmt, flag: Local): Stmt {
  const side = (yes: boolean) => needed(rewrite([s], { expr: (e) => (isChoice(e, flag) ? (yes ? e.a : e.b) : e) }));
  return { k: "if", cond: { k: "local", ty: flag.ty, v: flag }, then: side(true), else: withOwnLocals(side(false)) };
}

/** The same statements with locals of their own: what is assigned once stays so. */
function withOwnLocals(block: Block): Stmt[] {
  const own = new Map<Local, Local>();
  eachStmt(block, (s) => {
    if (s.k === "let" || s.k === "for") own.set(s.v, { ...s.v });
  });
  const of = (v: Local) => own.get(v) ?? v;
  const assigning = (s: Stmt): Stmt => {
    if (s.k === "for") return { ...s, v: of(s.v), body: s.body.map(assigning) };
    if (s.k === "if") return { ...s, then: s.then.map(assigning), else: s.else.map(assigning) };
    return s.k === "let" || s.k === "set" ? { ...s, v: of(s.v) } : s;
  };
  const reading = rewrite(block, {
    expr: (e) => (e.k === "local" ? { ...e, v: of(e.v) } : e),
    at: ({ base, terms }) => ({ base, terms: terms.map(({ v, by }) => ({ v: of(v), by })) }),
  });
  return reading.map(assigning);
}

/** Without the `let`s that nothing reads. */
function needed(block: Block, read = new Set<Local>()): Stmt[] {
  const kept: Stmt[] = [];
  for (const s of [...block].reverse()) {
    if (s.k === "let" && !read.has(s.v)) continue;
    kept.unshift(withNeeded(s, read));
    if (s.k === "set") read.add(s.v);
    for (const { at } of accesses(s)) for (const { v } of at.terms) read.add(v);
    for (const expression of expressions(s)) eachExpr(expression, (e) => e.k === "local" && read.add(e.v));
  }
  return kept;
}

function withNeeded(s: Stmt, read: Set<Local>): Stmt {
  if (s.k === "if") return { ...s, then: needed(s.then, read), else: needed(s.else, read) };
  return s.k === "for" ? { ...s, body: needed(s.body, read) } : s;
}
