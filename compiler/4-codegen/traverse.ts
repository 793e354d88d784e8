/** Traversal of the loop IR. */
import type { Affine, Buffer, Expr, Local, Stmt } from "../ir/loops.ts";

/** The operands of an expression. */
export function operands(e: Expr): readonly Expr[] {
  switch (e.k) {
    case "const":
    case "local":
    case "load":
      return [];
    case "unary":
    case "cast":
    case "splat":
    case "fold":
    case "lane":
      return [e.a];
    case "binary":
    case "compare":
      return [e.a, e.b];
    case "select":
      return [e.cond, e.a, e.b];
    case "share":
      return [e.trips];
    case "uniform":
      return [e.index, e.seed, e.step];
  }
}

/** The same expression with its operands replaced. */
export function mapOperands(e: Expr, f: (operand: Expr) => Expr): Expr {
  switch (e.k) {
    case "const":
    case "local":
    case "load":
      return e;
    case "unary":
    case "cast":
    case "splat":
    case "fold":
    case "lane":
      return { ...e, a: f(e.a) };
    case "binary":
    case "compare":
      return { ...e, a: f(e.a), b: f(e.b) };
    case "select":
      return { ...e, cond: f(e.cond), a: f(e.a), b: f(e.b) };
    case "share":
      return { ...e, trips: f(e.trips) };
    case "uniform":
      return { ...e, index: f(e.index), seed: f(e.seed), step: f(e.step) };
  }
}

/** The expressions that a statement evaluates itself, not those of the statements within it. */
export function expressions(s: Stmt): readonly Expr[] {
  switch (s.k) {
    case "let":
      return [s.init];
    case "set":
    case "store":
      return [s.value];
    case "for":
      return [s.from, s.to];
    case "if":
      return [s.cond];
    case "zero":
      return [s.count];
    case "loop":
      return [s.while];
    case "point":
    case "barrier":
      return [];
  }
}

/** The statement lists within a statement. */
export function blocks(s: Stmt): readonly (readonly Stmt[])[] {
  if (s.k === "for" || s.k === "loop") return [s.body];
  return s.k === "if" ? [s.then, s.else] : [];
}

/** What a statement assigns. */
export function target(s: Stmt): Local | null {
  return s.k === "let" || s.k === "set" || s.k === "for" || s.k === "point" ? s.v : null;
}

/** One access to memory: elements from `at + low` on. */
export interface Access {
  readonly buffer: Buffer;
  readonly at: Affine;
  /** The lowest element relative to `at`: negative for a vector of negative stride. */
  readonly low: number;
}

const lowest = (stride: number, lanes: number) => Math.min(0, stride * (lanes - 1));

/** Calls `visit` for each expression of a tree, operands first. */
export function eachExpr(e: Expr, visit: (e: Expr) => void): void {
  for (const operand of operands(e)) eachExpr(operand, visit);
  visit(e);
}

/** Calls `visit` for each statement, also nested ones; `path` holds the lists around it, the outermost first. */
export function eachStmt(
  block: readonly Stmt[],
  visit: (s: Stmt, path: readonly (readonly Stmt[])[]) => void,
  outer: readonly (readonly Stmt[])[] = [],
): void {
  const path = [...outer, block];
  for (const s of block) {
    visit(s, path);
    for (const inner of blocks(s)) eachStmt(inner, visit, path);
  }
}

/** The accesses that a statement makes itself. */
export function accesses(s: Stmt): Access[] {
  const found: Access[] = [];
  for (const expression of expressions(s)) {
    eachExpr(expression, (e) => {
      if (e.k === "load") found.push({ buffer: e.buffer, at: e.at, low: lowest(e.stride, lanesOf(e)) });
    });
  }
  if (s.k === "store") found.push({ buffer: s.buffer, at: s.at, low: lowest(s.stride, s.count ?? lanesOf(s.value)) });
  if (s.k === "zero") found.push({ buffer: s.buffer, at: s.at, low: 0 });
  return found;
}

const lanesOf = (e: Expr) => (e.ty.endsWith("x4") ? 4 : 1);

export interface Rewriting {
  /** Replaces an expression whose operands have been rewritten. */
  readonly expr?: (e: Expr) => Expr;
  /** Replaces the address of a load, store or zero, or of a `point`. */
  readonly at?: (at: Affine, buffer: Buffer) => Affine;
}

/** The statements with their addresses and expressions replaced. */
export function rewrite(block: readonly Stmt[], by: Rewriting): Stmt[] {
  const at = by.at ?? ((a: Affine) => a);
  const expr = (e: Expr): Expr => {
    const inner = mapOperands(e, expr);
    const moved = inner.k === "load" ? { ...inner, at: at(inner.at, inner.buffer) } : inner;
    return by.expr ? by.expr(moved) : moved;
  };
  const nested = (b: readonly Stmt[]) => b.map(stmt);
  const stmt = (s: Stmt): Stmt => {
    switch (s.k) {
      case "let":
        return { ...s, init: expr(s.init) };
      case "set":
        return { ...s, value: expr(s.value) };
      case "store":
        return { ...s, at: at(s.at, s.buffer), value: expr(s.value) };
      case "for":
        return { ...s, from: expr(s.from), to: expr(s.to), body: nested(s.body) };
      case "if":
        return { ...s, cond: expr(s.cond), then: nested(s.then), else: nested(s.else) };
      case "zero":
        return { ...s, at: at(s.at, s.buffer), count: expr(s.count) };
      case "loop":
        return { ...s, body: nested(s.body), while: expr(s.while) };
      case "point":
        return { ...s, at: at(s.at, s.v.pointsTo!) };
      case "barrier":
        return s;
    }
  };
  return nested(block);
}
