/**
 * The operations that a call of a kernel executes, counted on its loops. They are not those of the definition: a convolution
 * may leave out products with its zero padding, or compute lanes that nobody reads.
 */
import type { Expr, Kernel, Local, Stmt } from "../../ir/loops.ts";
import type { MathCost } from "./math-cost.ts";

type Integers = Map<Local, number>;
/** Of an expression without its operands. */
type Count = (expr: Expr) => number;

/** Arithmetic of floats; a function such as exp counts as one operation. */
export function executedFlops(kernel: Kernel, n: number): number {
  return executed(kernel, n, (expr) => {
    const counts = expr.ty.startsWith("f32") && (expr.k === "binary" || expr.k === "unary");
    return counts ? lanesOf(expr) : 0;
  });
}

/** All that the units for floats and vectors do: comparisons, choices and vectors of integers too, and what functions are made of. */
export function executedOperations(kernel: Kernel, n: number, cost: MathCost): number {
  return executed(kernel, n, (expr) => {
    const vector = expr.ty.endsWith("x4");
    if (expr.k === "uniform") return lanesOf(expr) * cost("uniform");
    if (expr.k === "unary" || expr.k === "binary")
      return vector || expr.ty === "f32" ? lanesOf(expr) * cost(expr.op) : 0;
    return vector && ["compare", "select", "cast"].includes(expr.k) ? lanesOf(expr) : 0;
  });
}

function lanesOf({ ty }: Expr): number {
  return ty.endsWith("x4") ? 4 : 1;
}

function executed(kernel: Kernel, n: number, count: Count): number {
  const inside = (expr: Expr): number => operands(expr).reduce((sum, operand) => sum + inside(operand), count(expr));
  return countIn(kernel.body, { integers: new Map([[kernel.n, n]]), decides: deciding(kernel.body), count: inside });
}

interface Counting {
  readonly integers: Integers;
  readonly decides: ReadonlySet<Local>;
  /** Of an expression with its operands. */
  readonly count: Count;
}

function countIn(body: readonly Stmt[], counting: Counting): number {
  return body.reduce((sum, stmt) => sum + countOfStmt(stmt, counting), 0);
}

function countOfStmt(stmt: Stmt, counting: Counting): number {
  const { integers, decides, count } = counting;
  switch (stmt.k) {
    case "let":
    case "set": {
      const init = stmt.k === "let" ? stmt.init : stmt.value;
      if (decides.has(stmt.v)) integers.set(stmt.v, numberOf(init, integers));
      return count(init);
    }
    case "store":
      return count(stmt.value);
    case "for": {
      const from = numberOf(stmt.from, integers);
      const trips = Math.max(0, Math.ceil((numberOf(stmt.to, integers) - from) / stmt.step));
      if (trips > 0 && !decides.has(stmt.v)) return trips * countIn(stmt.body, counting);
      let sum = 0;
      for (let trip = 0; trip < trips; trip++) {
        integers.set(stmt.v, from + trip * stmt.step);
        sum += countIn(stmt.body, counting);
      }
      return sum;
    }
    case "if":
      return countIn(numberOf(stmt.cond, integers) ? stmt.then : stmt.else, counting);
    default:
      return 0;
  }
}

function operands(expr: Expr): Expr[] {
  if (expr.k === "binary" || expr.k === "compare") return [expr.a, expr.b];
  if (expr.k === "select") return [expr.cond, expr.a, expr.b];
  if (expr.k === "uniform") return [expr.index, expr.seed, expr.step];
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
