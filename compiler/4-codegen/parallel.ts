/**
 * Shares out a kernel's parallel loops among threads. Work is split along axes of a kernel's output alone, never along a
 * reduction, so that the result has the same bits for any number of threads.
 *
 *     parallel for v = from to to step s { … }
 *
 *     for v = from + s·share(trips, begin) to min(to, from + s·share(trips, end)) step s { … }
 *
 * What stands around a parallel loop is run by every thread. A kernel that writes outside of parallel loops is not shared out:
 * one thread runs it alone.
 */
import type { Affine, Expr, Kernel, Local, Stmt } from "../ir/loops.ts";
import { blocks, eachStmt } from "./traverse.ts";

type For = Stmt & { readonly k: "for" };
type Block = readonly Stmt[];

/** The same kernel for all threads at once, or null if it is one thread's work: not to be shared, or not worth it. */
export function shareOut(kernel: Kernel, leastWork = LEAST_WORK): Kernel | null {
  if (!isParallel(kernel) || workOf(kernel) < leastWork) return null;
  return { ...kernel, body: shareBlock(kernel.body) };
}

/** Pieces that each thread would take of much work if all were equally fast: the slower one takes fewer. */
const PIECES = 4;
/** Statements that are worth taking in pieces. */
const MUCH_WORK = 65_536;

/**
 * Into how many pieces for each thread to cut a kernel that is shared out. Threads meet within some kernels: these take one
 * piece each.
 */
export function piecesOf(kernel: Kernel): number {
  const meet = kernel.body.some((s) => s.k === "barrier");
  return meet || workOf(kernel) < MUCH_WORK ? 1 : PIECES;
}

/**
 * Whether threads may share the kernel out: whatever it writes, to memory that is not a thread's own, is written within
 * exactly one parallel loop (or by a parallel `zero`); no such loop changes a local from outside; barriers are met by all.
 */
export function isParallel(kernel: Kernel): boolean {
  const only = (block: Block, around: number): boolean =>
    block.every((s) => {
      const loops = around + ((s.k === "for" || s.k === "zero") && s.parallel ? 1 : 0);
      if (s.k === "store" || s.k === "zero") return s.buffer.private ? loops <= 1 : loops === 1;
      if (s.k === "for" && s.parallel && !keepsToItself(s)) return false;
      if (s.k === "barrier") return block === kernel.body;
      return blocks(s).every((inner) => only(inner, loops));
    });
  return only(kernel.body, 0);
}

function keepsToItself(loop: For): boolean {
  const own = new Set<Local>();
  let kept = true;
  eachStmt(loop.body, (s) => {
    if (s.k === "let" || s.k === "for") own.add(s.v);
    if (s.k === "set" && !own.has(s.v)) kept = false;
  });
  return kept;
}

/** Statements that cost about what it costs to wait for the other threads. */
const LEAST_WORK = 4096;
/** What is assumed of bounds that are not known: samples of a batch, and the rest. */
const SAMPLES = 32;
const SOME = 4;

/** About how many statements a call runs. */
export function workOf(kernel: Kernel): number {
  return work(kernel.body, kernel.n);
}

function work(block: Block, n: Local): number {
  return block.reduce((sum, s) => {
    if (s.k === "zero") return sum + estimate(s.count, n) / 16;
    const inner = blocks(s).reduce((all, b) => all + work(b, n), 1);
    return sum + (s.k === "for" ? inner * Math.max(0, (estimate(s.to, n) - estimate(s.from, n)) / s.step) : inner);
  }, 0);
}

function estimate(e: Expr, n: Local): number {
  if (e.k === "const" && typeof e.value === "number") return e.value;
  if (e.k === "local" && e.v === n) return SAMPLES;
  if (e.k === "binary" && e.op === "mul") return estimate(e.a, n) * estimate(e.b, n);
  // Rounding down to a multiple of a vector's length.
  if (e.k === "binary" && e.op === "and") return estimate(e.a, n);
  return SOME;
}

function shareBlock(block: Block): Stmt[] {
  return block.flatMap((s): Stmt[] => {
    if (s.k === "if") return [{ ...s, then: shareBlock(s.then), else: shareBlock(s.else) }];
    if (s.k === "zero" && s.parallel) return shareZero(s);
    if (s.k !== "for") return [s];
    return s.parallel ? shareLoop(s) : [{ ...s, body: shareBlock(s.body) }];
  });
}

function shareLoop({ parallel, ...loop }: For): Stmt[] {
  const { v, step } = loop;
  const first = numberOf(loop.from);
  const last = numberOf(loop.to);
  const before: Stmt[] = [];
  const named = (init: Expr, name: string): Expr => {
    if (init.k === "const" || init.k === "local") return init;
    const local: Local = { name: `${v.name}_${name}`, ty: "i32" };
    before.push({ k: "let", v: local, init });
    return { k: "local", ty: "i32", v: local };
  };
  const from = named(loop.from, "first");
  const to = named(loop.to, "last");
  const constant = first !== null && last !== null;
  const trips: Expr = constant
    ? i32(Math.max(0, Math.ceil((last - first) / step)))
    : named(divide(add(distance(from, to), i32(step - 1)), step), "trips");
  const share = (end: boolean) =>
    add(from, multiply({ k: "share", ty: "i32", trips, end, fromLast: parallel === "last" }, step));
  const whole = step === 1 || (constant && (last - first) % step === 0);
  const begin = named(share(false), "begin");
  const end = named(whole ? share(true) : { k: "binary", ty: "i32", op: "min", a: share(true), b: to }, "end");
  return [...before, { ...loop, from: begin, to: end }];
}

function shareZero({ parallel: _, ...zero }: Stmt & { readonly k: "zero" }): Stmt[] {
  const share = (end: boolean): Expr => ({ k: "share", ty: "i32", trips: zero.count, end, fromLast: false });
  const begin: Local = { name: "zero_begin", ty: "i32" };
  const from: Expr = { k: "local", ty: "i32", v: begin };
  const at: Affine = { base: zero.at.base, terms: [...zero.at.terms, { v: begin, by: 1 }] };
  return [
    { k: "let", v: begin, init: share(false) },
    { ...zero, at, count: { k: "binary", ty: "i32", op: "sub", a: share(true), b: from } },
  ];
}

/** to − from, and 0 for an empty loop. */
function distance(from: Expr, to: Expr): Expr {
  if (numberOf(from) === 0) return to;
  const all: Expr = { k: "binary", ty: "i32", op: "sub", a: to, b: from };
  return { k: "binary", ty: "i32", op: "max", a: all, b: i32(0) };
}

const numberOf = (e: Expr): number | null => (e.k === "const" && typeof e.value === "number" ? e.value : null);
const i32 = (value: number): Expr => ({ k: "const", ty: "i32", value });
const add = (a: Expr, b: Expr): Expr => {
  if (numberOf(a) === 0) return b;
  return numberOf(b) === 0 ? a : { k: "binary", ty: "i32", op: "add", a, b };
};
const multiply = (a: Expr, by: number): Expr => (by === 1 ? a : { k: "binary", ty: "i32", op: "mul", a, b: i32(by) });
const divide = (a: Expr, by: number): Expr => (by === 1 ? a : { k: "binary", ty: "i32", op: "div", a, b: i32(by) });
