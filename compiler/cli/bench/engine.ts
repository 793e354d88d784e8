/** Programs of the loop IR, compiled and ready to be called on some threads. */
import type { Engine, Manifest } from "../../../runtime/abi.ts";
import { startThreads } from "../../../runtime/threads.ts";
import { wasmEngine } from "../../../runtime/wasm.ts";
import { MOST_THREADS } from "../../4-codegen/assemble.ts";
import { emitTeamWasm, emitWasm } from "../../4-codegen/wasm-backend.ts";
import type { LoopModule } from "../../ir/loops.ts";
import { UserError } from "../errors.ts";

type Clock = (kernel: number) => void;

/** Programs with a clock that the first thread calls behind each kernel. */
export async function startClocked(loops: LoopModule, threads: number, clock: Clock): Promise<Engine> {
  if (threads > 1) return startTeam(loops, threads, clock);
  const bytes = emitWasm(loops, { clock: true });
  const { instance } = await WebAssembly.instantiate(bytes as BufferSource, { env: { clock } });
  const exports = instance.exports as Record<string, (n: number) => number>;
  const { memory } = instance.exports as { memory: WebAssembly.Memory };
  return { memory: memory.buffer, run: (program, n) => exports[program](n) };
}

export async function startPrograms(loops: LoopModule, threads: number): Promise<Engine> {
  if (threads > 1) return startTeam(loops, threads);
  const { bytes, memory } = emitTeamWasm(loops);
  return wasmEngine(bytes, { most: MOST_THREADS, ...memory });
}

async function startTeam(loops: LoopModule, threads: number, clock?: Clock): Promise<Engine> {
  const { bytes, memory } = emitTeamWasm(loops, { clock: clock !== undefined });
  const facts = { most: MOST_THREADS, ...memory };
  const programs = Object.fromEntries(loops.programs.map(({ name }) => [name, { results: [] }]));
  const team = await startThreads({ wasm: bytes }, { threads: facts, programs } as unknown as Manifest, threads, clock);
  const problem = await team.ready;
  if (problem !== null) throw new UserError("threads", `the threads could not be started: ${problem}`);
  return team;
}
