/** Opens loops: those that run once or never, and short ones of little work, such as over the three channels of an image. */
import type { Expr, Local, Stmt } from "../ir/loops.ts";
import { blocks, eachStmt, rewrite } from "./traverse.ts";

type For = Stmt & { readonly k: "for" };
type Block = readonly Stmt[];

const MOST_TRIPS = 4;
/** Statements that an opened loop may become. */
const MOST_STATEMENTS = 48;

export function openLoops(block: Block): Stmt[] {
  return block.flatMap((s) => {
    if (s.k === "if") return [{ ...s, then: openLoops(s.then), else: openLoops(s.else) }];
    if (s.k !== "for") return [s];
    const trips = constantTrips(s);
    if (trips !== null && trips <= 0) return [];
    if (trips === 1) return openLoops(iteration(s, 0));
    const body = openLoops(s.body);
    const short = trips !== null && trips <= MOST_TRIPS && trips * body.length <= MOST_STATEMENTS;
    if (!short || s.parallel || body.some((inner) => blocks(inner).length > 0)) return [{ ...s, body }];
    return Array.from({ length: trips }, (_, i) => renamed(iteration({ ...s, body }, i), i)).flat();
  });
}

export function constantTrips(loop: For): number | null {
  const from = constantOf(loop.from);
  const to = constantOf(loop.to);
  return from === null || to === null ? null : Math.ceil((to - from) / loop.step);
}

/** The body with a number in place of the counter. */
function iteration({ body, v, from, step }: For, i: number): Stmt[] {
  const value = constantOf(from)! + i * step;
  return rewrite(body, {
    expr: (e) => (e.k === "local" && e.v === v ? { k: "const", ty: "i32", value } : e),
    at: (at) => ({
      base: at.terms.reduce((base, t) => (t.v === v ? base + t.by * value : base), at.base),
      terms: at.terms.filter((t) => t.v !== v),
    }),
  });
}

/** The statements with locals of their own for those that they declare. */
function renamed(block: Block, i: number): Stmt[] {
  const names = new Map<Local, Local>();
  eachStmt(block, (s) => {
    if (s.k === "let") names.set(s.v, { ...s.v, name: `${s.v.name}_${i}` });
  });
  const own = (v: Local) => names.get(v) ?? v;
  const moved = rewrite(block, {
    expr: (e) => (e.k === "local" ? { ...e, v: own(e.v) } : e),
    at: (at) => ({ ...at, terms: at.terms.map((t) => ({ ...t, v: own(t.v) })) }),
  });
  return moved.map((s) => (s.k === "let" || s.k === "set" ? { ...s, v: own(s.v) } : s));
}

const constantOf = (e: Expr): number | null => (e.k === "const" && typeof e.value === "number" ? e.value : null);
