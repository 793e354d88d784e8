/**
 * The floating-point operations that a call of a kernel executes, counted on its loops. They are not those of the definition:
 * a convolution may leave out products with its zero padding, or compute lanes that nobody reads.
 */
import type { Expr, Kernel, Local, Stmt } from "../../ir/loops.ts";

type Integers = Map<Local, number>;

export function executedFlops(kernel: Kernel, n: number): number {
  return flopsOf(kernel.body, new Map([[kernel.n, n]]), deciding(kernel.body));
}

function flopsOf(body: readonly Stmt[], integers: Integers, decides: ReadonlySet<Local>): number {
  return body.reduce((sum, stmt) => sum + flopsOfStmt(stmt, integers, decides), 0);
}

function flopsOfStmt(stmt: Stmt, integers: Integers, decides: ReadonlySet<Local>): number {
  switch (stmt.k) {
    case "let":
    case "set": {
      const init = stmt.k === "let" ? stmt.init : stmt.value;
      if (decides.has(stmt.v)) integers.set(stmt.v, numberOf(init, integers));
      return flopsIn(init);
    }
    case "store":
      return flopsIn(stmt.value);
    case "for": {
      const from = numberOf(stmt.from, integers);
      const trips = Math.max(0, Math.ceil((numberOf(stmt.to, integers) - from) / stmt.step));
      if (trips > 0 && !decides.has(stmt.v)) return trips * flopsOf(stmt.body, integers, decides);
      let sum = 0;
      for (let trip = 0; trip < trips; trip++) {
        integers.set(stmt.v, from + trip * stmt.step);
        sum += flopsOf(stmt.body, integers, decides);
      }
      return sum;
    }
    case "if":
      return flopsOf(numberOf(stmt.cond, integers) ? stmt.then : stmt.else, integers, decides);
    default:
      return 0;
  }
}

/** Arithmetic of floats; a vector's is that of 4 lanes. */
function flopsIn(expr: Expr): number {
  const inside = operands(expr).reduce((sum, operand) => sum + flopsIn(operand), 0);
  const counts = expr.ty.startsWith("f32") && (expr.k === "binary" || expr.k === "unary");
  return inside + (counts ? (expr.ty === "f32x4" ? 4 : 1) : 0);
}

function operands(expr: Expr): Expr[] {
  if (expr.k === "binary" || expr.k === "compare") return [expr.a, expr.b];
  if (expr.k === "select") return [expr.cond, expr.a, expr.b];
  return "a" in expr ? [expr.a] : [];
}

/** The locals that loops and branches depend on, at once or through others. */
function deciding(body: readonly Stmt[]): Set<Local> {
  const decides = new Set<Local>();
  const definitions = new Map<Local, Expr[]>();
  const mark = (expr: Expr): void => {
    if (expr.k === "local" && !decides.has(expr.v)) {
      decides.add(expr.v);
      for (const definition of definitions.get(expr.v) ?? []) mark(definition);
    }
    for (const operand of operands(expr)) mark(operand);
  };
  const visit = (stmts: readonly Stmt[], use: (stmt: Stmt) => void): void => {
    for (const stmt of stmts) {
      use(stmt);
      if (stmt.k === "for") visit(stmt.body, use);
      if (stmt.k === "if") visit([...stmt.then, ...stmt.else], use);
    }
  };
  visit(body, (stmt) => {
    if (stmt.k === "let") definitions.set(stmt.v, [stmt.init]);
    if (stmt.k === "set") definitions.set(stmt.v, [...(definitions.get(stmt.v) ?? []), stmt.value]);
  });
  visit(body, (stmt) => {
    if (stmt.k === "for") for (const bound of [stmt.from, stmt.to]) mark(bound);
    if (stmt.k === "if") mark(stmt.cond);
  });
  return decides;
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => Math.floor(a / b),
  rem: (a, b) => a - b * Math.floor(a / b),
  max: Math.max,
  min: Math.min,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
};

/** Of an integer or boolean expression; what memory decides counts as 0. */
function numberOf(expr: Expr, integers: Integers): number {
  switch (expr.k) {
    case "const":
      return Number(expr.value);
    case "local":
      return integers.get(expr.v) ?? 0;
    case "binary":
    case "compare":
      return ARITHMETIC[expr.op]?.(numberOf(expr.a, integers), numberOf(expr.b, integers)) ?? 0;
    case "select":
      return numberOf(expr.cond, integers) ? numberOf(expr.a, integers) : numberOf(expr.b, integers);
    default:
      return 0;
  }
}
