/** Where threads wait for one another. */
import { CONTROL } from "../../../runtime/abi.ts";
import type { Code, FunctionType, LocalRef } from "../../wasm/index.ts";

/** (thread, threads) */
export const BARRIER_TYPE: FunctionType = { params: ["i32", "i32"], results: [] };

/** How long a thread sleeps before it looks around, in nanoseconds. */
const NAP = 1_000_000_000n;
/** After so many naps, or as many rounds of spinning as take some minutes, the first thread takes the others for dead. */
const MOST_NAPS = 120;
const MOST_ROUNDS = 1_000_000;

/** Returns when all threads have called it. Traps if a thread has died. */
export function emitBarrier(code: Code): void {
  const [thread, threads] = code.params;
  const [generation, spins, rounds] = [code.local("i32"), code.local("i32"), code.local("i32")];
  load(code, CONTROL.generation).set(generation);
  code.i32(CONTROL.arrived).i32(1).op("i32.atomic.rmw.add", 0);
  code.i32(1).op("i32.add").get(threads).op("i32.eq");
  code.if(() => {
    release(code, generation);
    code.return();
  });
  code.loop((again) => {
    load(code, CONTROL.generation).get(generation).op("i32.ne");
    code.if(() => code.return());
    code.get(spins).i32(1).op("i32.add").tee(spins);
    load(code, CONTROL.patience).op("i32.lt_u").brIf(again);
    code.i32(0).set(spins);
    load(code, CONTROL.failed);
    code.if(() => code.op("unreachable"));
    // Workers wait for the first thread as long as it takes.
    code.get(rounds).get(thread).op("i32.eqz").op("i32.add").set(rounds);
    load(code, CONTROL.spin).get(thread).op("i32.eqz").op("i32.and");
    code.if(
      () => giveUp(code, rounds, MOST_ROUNDS),
      () => {
        giveUp(code, rounds, MOST_NAPS);
        sleep(code, generation);
      },
    );
    code.br(again);
  });
}

function load(code: Code, address: number): Code {
  return code.i32(address).op("i32.atomic.load", 0);
}

/** The last to arrive lets the others go, to take work from its beginning. */
function release(code: Code, generation: LocalRef): void {
  code.i32(CONTROL.arrived).i32(0).op("i32.atomic.store", 0);
  code.i32(CONTROL.taken).i32(0).op("i32.atomic.store", 0);
  code.i32(CONTROL.generation).get(generation).i32(1).op("i32.add").op("i32.atomic.store", 0);
  load(code, CONTROL.sleepers);
  code.if(() => code.i32(CONTROL.generation).i32(-1).op("memory.atomic.notify", 0).drop());
}

/** A thread counts as asleep before it looks at the generation for the last time, so that its wake-up cannot be missed. */
function sleep(code: Code, generation: LocalRef): void {
  code.i32(CONTROL.sleepers).i32(1).op("i32.atomic.rmw.add", 0).drop();
  code.i32(CONTROL.generation).get(generation).op("i64.const", NAP).op("memory.atomic.wait32", 0).drop();
  code.i32(CONTROL.sleepers).i32(1).op("i32.atomic.rmw.sub", 0).drop();
}

function giveUp(code: Code, rounds: LocalRef, most: number): void {
  code.get(rounds).i32(most).op("i32.gt_u");
  code.if(() => {
    code.i32(CONTROL.failed).i32(1).op("i32.atomic.store", 0);
    code.op("unreachable");
  });
}
