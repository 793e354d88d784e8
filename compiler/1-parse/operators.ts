/** Precedence of operators: turns the grammar's flat list of operators and operands into a tree. */
import type { Span } from "../diagnostics.ts";
import type { BinaryOperator, Expr, UnaryOperator } from "./syntax.ts";

/** How strongly an operator binds. `^` binds to the right, all others to the left; `-x^2` is −(x²), `±a / b` is ±(a / b). */
const BINARY: Readonly<Record<BinaryOperator, number>> = {
  or: 1,
  and: 2,
  "==": 4,
  "!=": 4,
  "<": 4,
  "<=": 4,
  ">": 4,
  ">=": 4,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
  "%": 6,
  "@": 6,
  "^": 8,
};
/** The least binding strength of what a prefix operator applies to. */
const PREFIX: Readonly<Record<UnaryOperator, number>> = { not: 3, "±": 6, "-": 7 };

export type OperationPart =
  | { readonly kind: "prefix"; readonly op: UnaryOperator; readonly span: Span }
  | { readonly kind: "operator"; readonly op: BinaryOperator }
  | { readonly kind: "operand"; readonly expr: Expr };

export const join = (a: Span, b: Span): Span => ({ file: a.file, start: a.start, end: b.end });

/** Precedence climbing over `prefix* operand (operator prefix* operand)*`. */
export function operationTree(parts: readonly OperationPart[]): Expr {
  let next = 0;
  const operand = (): Expr => {
    const part = parts[next++];
    if (part.kind === "prefix") {
      const value = climb(PREFIX[part.op]);
      return { kind: "unary", op: part.op, operand: value, span: join(part.span, value.span) };
    }
    if (part.kind === "operand") return part.expr;
    throw new Error("an operator where an operand was expected");
  };
  const climb = (least: number): Expr => {
    let left = operand();
    while (next < parts.length) {
      const part = parts[next];
      if (part.kind !== "operator" || BINARY[part.op] < least) break;
      next++;
      const right = climb(part.op === "^" ? BINARY["^"] : BINARY[part.op] + 1);
      left = { kind: "binary", op: part.op, left, right, span: join(left.span, right.span) };
    }
    return left;
  };
  return climb(0);
}
