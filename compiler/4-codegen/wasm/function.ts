/** Statements of the loop IR as WASM instructions, and kernels as functions. */
import { countersOf, type Kernel, type Stmt } from "../../ir/loops.ts";
import type { Code, FunctionRef, FunctionType, LocalRef } from "../../wasm/index.ts";
import { Emitter, type MathLibrary } from "./emitter.ts";
import { emitExpr } from "./expression.ts";
import { emitStore, emitZero } from "./memory.ts";
import { warmable } from "./warm-up.ts";

/**
 * The byte address of each buffer and the counters of samples; in a kernel that threads share, the thread's number and how many
 * there are.
 */
export function kernelType(kernel: Kernel, shared: boolean): FunctionType {
  const count = kernel.buffers.length + countersOf(kernel).length + (shared ? 2 : 0);
  return { params: new Array(count).fill("i32"), results: [] };
}

/** The body of a kernel whose addresses have been strength-reduced; with a barrier, of one that threads share. */
export function emitKernel(code: Code, kernel: Kernel, math: MathLibrary, barrier: FunctionRef | null = null): void {
  const starts = new Map(kernel.buffers.map((buffer, i): [typeof buffer, LocalRef] => [buffer, code.params[i]]));
  const samples = countersOf(kernel);
  const n = code.params[kernel.buffers.length];
  const [thread, threads] = code.params.slice(kernel.buffers.length + samples.length);
  const to = new Emitter(code, math, starts, barrier && { thread, threads, barrier });
  samples.forEach((v, i) => to.bind(v, code.params[kernel.buffers.length + i]));
  warmable(code, n, () => {
    to.hoistConstants(kernel.body);
    emitBlock(to, kernel.body);
  });
}

export function emitBlock(to: Emitter, block: readonly Stmt[]): void {
  for (const s of block) emitStmt(to, s);
}

function emitStmt(to: Emitter, s: Stmt): void {
  const { code } = to;
  switch (s.k) {
    case "let":
    case "set":
      emitExpr(to, s.k === "let" ? s.init : s.value);
      code.set(to.local(s.v));
      return;
    case "store":
      emitStore(to, s);
      return;
    case "if": {
      emitExpr(to, s.cond);
      const otherwise = s.else.length > 0 ? () => emitBlock(to, s.else) : undefined;
      code.if(() => emitBlock(to, s.then), otherwise);
      return;
    }
    case "loop":
      code.loop((again) => {
        emitBlock(to, s.body);
        emitExpr(to, s.while);
        code.brIf(again);
      });
      return;
    case "point": {
      const offset = to.address(s.v.pointsTo!, s.at);
      if (offset !== 0) code.i32(offset).op("i32.add");
      code.set(to.local(s.v));
      return;
    }
    case "zero":
      emitZero(to, s);
      return;
    case "barrier":
      if (to.team) code.get(to.team.thread).get(to.team.threads).call(to.team.barrier);
      return;
    case "for":
      throw new TypeError("a counted loop reached the backend: strength reduction comes first");
  }
}
