/**
 * Has an engine optimise kernels before they run. V8 compiles functions quickly and badly at first. It counts the bytes of code
 * that are run, in a loop those between its ends, and optimises in the background what has run enough.
 */
import type { Code, FunctionType, LocalRef } from "../../wasm/index.ts";
import { workOf } from "../parallel.ts";
import type { ResolvedStep } from "./program.ts";

export const WARM_UP_TYPE: FunctionType = { params: [], results: [] };

/** Bytes of code that V8 runs before it optimises a function (`--wasm-tiering-budget`, as of V8 13). */
const BUDGET = 13_000_000;
/** Bytes that V8's first compiler makes of an instruction, at least. */
const BYTES = 5;

/** What kernels that are not worth the while do together, of all work. */
const REST = 0.005;

/** The kernels that do all work of these steps but a small rest, the busiest first. */
export function busiest(steps: readonly ResolvedStep[]): Code[] {
  const work = new Map<Code, number>();
  for (const step of steps) {
    for (const { call, f } of "blocks" in step ? step.parts.flat() : [step]) {
      work.set(f, (work.get(f) ?? 0) + workOf(call.kernel));
    }
  }
  const sorted = [...work].sort(([, a], [, b]) => b - a);
  const all = sorted.reduce((sum, [, own]) => sum + own, 0);
  let left = all;
  const kept = sorted.filter(([, own]) => {
    left -= own;
    return left + own > REST * all;
  });
  return kept.map(([f]) => f);
}

/** Calls each kernel for as many samples below zero as it takes to have it optimised. */
export function emitWarmUp(code: Code, kernels: readonly Code[]): void {
  const samples = code.local("i32");
  for (const kernel of kernels) {
    // A power of two: equal numbers make the module smaller.
    code.i32(-(2 ** Math.ceil(Math.log2(BUDGET / (BYTES * kernel.body.length))))).set(samples);
    for (const _ of kernel.type.params) code.get(samples);
    code.call(kernel);
  }
}

/** The body, for `n` samples; or, if `n` is negative, as many turns around it. */
export function warmable(code: Code, n: LocalRef, body: () => void): void {
  code.loop((again) => {
    code.get(n).i32(0).op("i32.ge_s");
    code.if(body, () => code.get(n).i32(1).op("i32.add").tee(n).brIf(again));
  });
}
