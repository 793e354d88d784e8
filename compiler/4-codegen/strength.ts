/**
 * Strength reduction: the linear addresses of a kernel become pointers that loops advance. (Before that, short loops
 * are opened, and loop invariants moved out.)
 *
 * Loop by loop, outermost first, an address `outer + c·v + inner + base` (v the loop's counter, outer: terms that the loop
 * does not change, inner: terms set within it) becomes `p + inner + offset`:
 *
 *     for v = from to to step s { … buffer[outer + c·v + base] … }
 *
 *     p = &buffer[outer + c·from + shift]
 *     end = p + c·s·trips
 *     do { … p[base - shift] …; p += c·s } while (p != end)
 *
 * Addresses that differ by a constant share a pointer: the constants become offsets, which are never negative. Where nothing
 * else needs v, one pointer's end decides the exit, and v disappears.
 */
import type { Affine, Buffer, Expr, Kernel, Local, Stmt } from "../ir/loops.ts";
import { hoistInvariants } from "./invariants.ts";
import { constantTrips, openLoops } from "./open-loops.ts";
import { LoopPointers, type Pointer } from "./pointers.ts";
import { Ranges } from "./ranges.ts";
import { eachExpr, eachStmt, expressions, rewrite, target } from "./traverse.ts";

type For = Stmt & { readonly k: "for" };
type Block = readonly Stmt[];

export function reduceStrength(kernel: Kernel): Kernel {
  return { ...kernel, body: new Reducer(kernel).block(hoistInvariants(openLoops(kernel.body))) };
}

class Reducer {
  private readonly ranges = new Ranges();
  /** Locals that are set more than once: nothing is known of their values. */
  private readonly changing = new Set<Local>();
  private readonly ids = new Map<Local | Buffer, number>();

  constructor(kernel: Kernel) {
    this.ranges.set(kernel.n, { low: 0, high: Number.POSITIVE_INFINITY });
    eachStmt(kernel.body, (s) => {
      if (s.k === "set") this.changing.add(s.v);
    });
  }

  block(block: Block): Stmt[] {
    return block.flatMap((s) => {
      if (s.k === "for") return this.loop(s);
      if (s.k === "if") return [{ ...s, then: this.block(s.then), else: this.block(s.else) }];
      if (s.k === "let" && s.v.ty === "i32" && !this.changing.has(s.v)) this.ranges.set(s.v, this.ranges.of(s.init));
      return [s];
    });
  }

  private loop(loop: For): Stmt[] {
    const from = this.ranges.of(loop.from);
    const to = this.ranges.of(loop.to);
    this.ranges.set(loop.v, { low: from.low, high: to.high - 1 });
    const plan = new LoopPointers(loop.v, loop.body, this.ranges, (x) => this.idOf(x));
    const body = rewrite(loop.body, { at: (at, buffer) => plan.rewrite(at, buffer) });
    return bottomTested({ ...loop, body }, this.block(body), plan.pointers, from.high < to.low);
  }

  private idOf(x: Local | Buffer): number {
    const id = this.ids.get(x) ?? this.ids.size;
    this.ids.set(x, id);
    return id;
  }
}

/** The loop in its final form; `body` is what `loop.body` has been reduced to. */
function bottomTested(loop: For, body: Block, pointers: readonly Pointer[], entered: boolean): Stmt[] {
  const { v, step } = loop;
  const before: Stmt[] = [];
  const start: Stmt[] = [];
  const next: Stmt[] = [];
  const to = invariant(loop, before);
  const first = constantOf(loop.from);
  for (const p of pointers) {
    const counter = first === null && p.by !== 0 ? [{ v, by: p.by }] : [];
    start.push(point(p.v, p.shift + p.by * (first ?? 0), [...p.outer, ...counter]));
    next.push(point(p.v, p.by * step, [{ v: p.v, by: 1 }]));
  }
  const moving = pointers.find((p) => p.by !== 0);
  const exitByPointer = moving && !readsLocal(loop.body, v);
  let test: Expr;
  if (exitByPointer) {
    const end: Local = { ...moving.v, name: `${moving.v.name}_end` };
    start.push(...endPointer(end, moving, loop, to));
    test = compare("ne", moving.v, end);
  } else {
    next.push({ k: "set", v, value: i32("add", local(v), constant(step)) });
    test = { k: "compare", ty: "bool", op: "lt", a: local(v), b: to };
  }
  if (!exitByPointer || first === null) before.push(assign(v, loop.from));
  const running = next.filter((s) => s.k !== "point" || s.at.base !== 0);
  const whole: Stmt[] = [...start, { k: "loop", body: [...body, ...running], while: test }];
  if (entered) return [...before, ...whole];
  const some: Expr = { k: "compare", ty: "bool", op: "lt", a: first === null ? local(v) : loop.from, b: to };
  return [...before, { k: "if", cond: some, then: whole, else: [] }];
}

/** end = p + c·step·trips, exactly, so that the exit test may be an inequality whatever the sign of c. */
function endPointer(end: Local, { v: p, by }: Pointer, loop: For, to: Expr): Stmt[] {
  const { v, step } = loop;
  const trips = constantTrips(loop);
  if (trips !== null) return [point(end, by * step * trips, [{ v: p, by: 1 }])];
  const first = constantOf(loop.from) === null ? local(v) : loop.from;
  const distance = constantOf(first) === 0 ? to : i32("sub", to, first);
  const count = step === 1 ? distance : i32("div", i32("add", distance, constant(step - 1)), constant(step));
  const named = count.k === "local" ? count.v : int(`${v.name}_trips`);
  const terms = [
    { v: p, by: 1 },
    { v: named, by: by * step },
  ];
  return [...(count.k === "local" ? [] : [assign(named, count)]), point(end, 0, terms)];
}

/** The loop's bound as an expression that can be read again in each iteration. */
function invariant(loop: For, before: Stmt[]): Expr {
  const { to, v, body } = loop;
  if (to.k === "const") return to;
  if (to.k === "local" && !assigns(body, to.v)) return to;
  const bound = int(`${v.name}_to`);
  before.push(assign(bound, to));
  return local(bound);
}

function readsLocal(block: Block, v: Local): boolean {
  let found = false;
  eachStmt(block, (s) => {
    for (const expression of expressions(s)) {
      eachExpr(expression, (e) => {
        if (e.k === "local" && e.v === v) found = true;
      });
    }
  });
  return found;
}

function assigns(block: Block, v: Local): boolean {
  let found = false;
  eachStmt(block, (s) => {
    if (target(s) === v) found = true;
  });
  return found;
}

const constantOf = (e: Expr): number | null => (e.k === "const" && typeof e.value === "number" ? e.value : null);
const constant = (value: number): Expr => ({ k: "const", ty: "i32", value });
const local = (v: Local): Expr => ({ k: "local", ty: v.ty, v });
const i32 = (op: "add" | "sub" | "div", a: Expr, b: Expr): Expr => ({ k: "binary", ty: "i32", op, a, b });
const compare = (op: "ne", a: Local, b: Local): Expr => ({ k: "compare", ty: "bool", op, a: local(a), b: local(b) });
const int = (name: string): Local => ({ name, ty: "i32" });
const assign = (v: Local, init: Expr): Stmt => ({ k: "let", v, init });
const point = (v: Local, base: number, terms: Affine["terms"]): Stmt => ({ k: "point", v, at: { base, terms } });
