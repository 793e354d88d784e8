/** Programs as WASM functions that call one kernel after another. */
import { CONTROL } from "../../../runtime/abi.ts";
import type { Blocks, Call } from "../../ir/loops.ts";
import type { Code, FunctionRef, FunctionType, LocalRef } from "../../wasm/index.ts";
import { emitBlocks, type PartFunction, take } from "./blocks.ts";

export interface KernelCall {
  readonly call: Call;
  readonly f: Code;
  /** In how many pieces for each thread threads share it out; with none, the first thread runs it alone. */
  readonly pieces: number;
}

export interface BlocksCall {
  readonly blocks: Blocks;
  /** The functions of each part. */
  readonly parts: readonly (readonly PartFunction[])[];
}

export type ResolvedStep = KernelCall | BlocksCall;

/** n -> 0, or 1 + the index of the first call that wrote a non-finite value. */
export const PROGRAM_TYPE: FunctionType = { params: ["i32"], results: ["i32"] };

/** What the clock is told in the place of a kernel's number where a thread has waited for those that still had samples. */
export const WAITED = -1;

export interface ProgramOptions {
  readonly finite: FunctionRef | null;
  readonly clock: FunctionRef | null;
}

export function emitProgram(code: Code, steps: readonly ResolvedStep[], { finite, clock }: ProgramOptions): void {
  let calls = 0;
  steps.forEach((step, index) => {
    if ("blocks" in step) {
      emitBlocks(code, step.blocks, step.parts, { n: code.params[0], clock: clock && { tick: clock, first: calls } });
      calls += step.parts.flat().length;
      return;
    }
    callAlone(code, step);
    if (clock) code.i32(calls++).call(clock);
    if (finite) eachNonFinite(code, step.call, finite, () => code.i32(index + 1).return());
  });
  code.i32(0);
}

/** Runs `then` for each of the call's results in which a value is not finite. */
function eachNonFinite(code: Code, { writes }: Call, finite: FunctionRef, then: () => void): void {
  const [n] = code.params;
  for (const { address, elements, perSample } of writes) {
    code.i32(address).i32(elements);
    if (perSample) code.get(n).op("i32.mul");
    code.call(finite).op("i32.eqz");
    code.if(then);
  }
}

/** (n, thread, threads): each thread calls the program, with its number. */
export const TEAM_PROGRAM_TYPE: FunctionType = { params: ["i32", "i32", "i32"], results: ["i32"] };

export interface TeamOptions extends ProgramOptions {
  readonly barrier: FunctionRef;
  /** Bytes between the scratch memory of one thread and that of the next. */
  readonly scratchBytes: number;
}

export function emitTeamProgram(code: Code, steps: readonly ResolvedStep[], options: TeamOptions): void {
  const [n, thread, threads] = code.params;
  const wait = () => code.get(thread).get(threads).call(options.barrier);
  const { clock } = options;
  let calls = 0;
  // What one thread does alone, one kernel after another, needs no barrier.
  let before: "nothing" | "shared" | "alone" = "nothing";
  steps.forEach((step, index) => {
    const together = "blocks" in step || step.pieces > 0;
    if (before === "shared" || (before === "alone" && together)) wait();
    before = together ? "shared" : "alone";
    if ("blocks" in step) {
      emitBlocks(code, step.blocks, step.parts, { n, thread, clock: clock && { tick: clock, first: calls } });
      calls += step.parts.flat().length;
    } else if (step.pieces > 1) callInPieces(code, step, options.scratchBytes);
    else if (step.pieces === 1) callShared(code, step, options.scratchBytes, thread, threads);
    else alone(code, () => callAlone(code, step));
    if (clock) {
      wait()
        .i32("blocks" in step ? WAITED : calls++)
        .call(clock);
      before = "nothing";
    }
    if (options.finite && !("blocks" in step)) {
      wait();
      checkFinite(code, step.call, index, options.finite, wait);
      before = "nothing";
    }
  });
  // All are done when any returns; so a program without calls waits too.
  wait();
  code.i32(0);
}

function alone(code: Code, body: () => void): void {
  code.get(code.params[1]).op("i32.eqz");
  code.if(body);
}

function callAlone(code: Code, { call, f }: KernelCall): void {
  for (const address of call.args) code.i32(address);
  code.get(code.params[0]).call(f);
}

/** Threads take one piece after another, whoever is free: as if there were that many threads, of which some run at a time. */
function callInPieces(code: Code, step: KernelCall, scratchBytes: number): void {
  const threads = code.params[2];
  const [piece, pieces] = [code.local("i32"), code.local("i32")];
  code.get(threads).i32(step.pieces).op("i32.mul").set(pieces);
  code.loop((next) => {
    take(code, piece);
    code.get(piece).get(pieces).op("i32.lt_u");
    code.if(() => {
      callShared(code, step, scratchBytes, piece, pieces);
      code.br(next);
    });
  });
}

function callShared(
  code: Code,
  { call, f }: KernelCall,
  scratchBytes: number,
  piece: LocalRef,
  pieces: LocalRef,
): void {
  const [n, thread] = code.params;
  call.args.forEach((address, i) => {
    code.i32(address);
    if (call.kernel.buffers[i].private) code.get(thread).i32(scratchBytes).op("i32.mul").op("i32.add");
  });
  code.get(n).get(piece).get(pieces).call(f);
}

/** The first thread looks; what it finds all return. Nobody goes on, or begins the next program, before all have heard. */
function checkFinite(code: Code, call: Call, index: number, finite: FunctionRef, wait: () => Code): void {
  const found = code.local("i32");
  const store = (value: number) => code.i32(CONTROL.found).i32(value).op("i32.atomic.store", 0);
  alone(code, () => {
    store(0);
    eachNonFinite(code, call, finite, () => store(index + 1));
  });
  wait();
  code.i32(CONTROL.found).op("i32.atomic.load", 0).set(found);
  wait();
  code.get(found);
  code.if(() => code.get(found).return());
}
