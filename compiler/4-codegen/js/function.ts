/** Statements of the loop IR as JavaScript, and kernels as functions. */
import type { Expr, Kernel, Local, Stmt } from "../../ir/loops.ts";
import { eachStmt, target } from "../traverse.ts";
import { address, type Context, expression, VIEWS } from "./expression.ts";
import type { Helper } from "./helpers.ts";
import { Names } from "./names.ts";
import type { Rounding } from "./rounding.ts";

/** A kernel whose addresses have been strength-reduced; parameters: where each buffer starts, in elements, and n. */
export function kernelText(
  kernel: Kernel,
  name: string,
  helper: (name: Helper) => string,
  taken: Iterable<string>,
  rounding: Rounding,
): string {
  const writer = new FunctionWriter(kernel, helper, taken, rounding);
  const params = [...kernel.buffers, kernel.n].map((p) => writer.name(p));
  return [`function ${name}(${params.join(", ")}) {`, ...writer.block(kernel.body), "}"].join("\n");
}

class FunctionWriter implements Context {
  private readonly names: Names;
  /** Locals that may be read here: one set for each block around. */
  private readonly scopes: Set<Local>[] = [];
  private readonly assigned = new Map<Local, number>();

  constructor(
    kernel: Kernel,
    readonly helper: (name: Helper) => string,
    taken: Iterable<string>,
    readonly rounding: Rounding,
  ) {
    this.names = new Names(taken);
    eachStmt(kernel.body, (s) => {
      const v = target(s);
      if (v) this.assigned.set(v, (this.assigned.get(v) ?? 0) + 1);
    });
  }

  name(x: { readonly name: string }): string {
    return this.names.of(x);
  }

  /** The lines of the statements, indented. */
  block(block: readonly Stmt[]): string[] {
    this.scopes.push(new Set());
    const lines = block.flatMap((s) => this.statement(s)).map((line) => `  ${line}`);
    this.scopes.pop();
    return lines;
  }

  private statement(s: Stmt): string[] {
    const expr = (e: Expr) => expression(e, this);
    switch (s.k) {
      case "let":
        return [this.assignment(s.v, this.rounding.isRounded(s.v) ? `Math.fround(${expr(s.init)})` : expr(s.init))];
      case "set":
        return [this.assignment(s.v, expr(s.value))];
      case "store":
        return [`${VIEWS[s.buffer.elem]}[${address(s.buffer, s.at, this)}] = ${expr(s.value)};`];
      case "if": {
        const otherwise = s.else.length > 0 ? ["} else {", ...this.block(s.else)] : [];
        return [`if (${expr(s.cond)}) {`, ...this.block(s.then), ...otherwise, "}"];
      }
      case "loop":
        return ["do {", ...this.block(s.body), `} while (${expr(s.while)});`];
      case "point": {
        const [first, ...rest] = s.at.terms;
        const advance = first?.v === s.v && rest.length === 0;
        if (advance) return [`${this.name(s.v)} ${s.at.base < 0 ? "-" : "+"}= ${Math.abs(s.at.base)};`];
        return [this.assignment(s.v, address(s.v.pointsTo!, s.at, this))];
      }
      case "zero": {
        const start = address(s.buffer, s.at, this);
        return [`${VIEWS[s.buffer.elem]}.fill(0, ${start}, ${start} + ${expr(s.count)});`];
      }
      case "barrier":
        return [];
      case "for":
        throw new TypeError("a counted loop reached the backend: strength reduction comes first");
    }
  }

  /** Declares the local, unless it is declared around here. */
  private assignment(v: Local, value: string): string {
    if (this.scopes.some((scope) => scope.has(v))) return `${this.name(v)} = ${value};`;
    this.scopes[this.scopes.length - 1].add(v);
    return `${this.assigned.get(v) === 1 ? "const" : "let"} ${this.name(v)} = ${value};`;
  }
}
