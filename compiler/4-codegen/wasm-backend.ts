/** The WASM SIMD backend: a module of the loop IR as the bytes of a WebAssembly module. */
import type { ManifestThreads } from "../../runtime/abi.ts";
import { type Blocks, type Call, isBlocks, type Kernel, type LoopModule, type ProgramStep } from "../ir/loops.ts";
import { canonicalKernel } from "../ir/loops-text.ts";
import { type Code, type FunctionRef, WasmModule } from "../wasm/index.ts";
import { piecesOf, shareOut } from "./parallel.ts";
import { reduceStrength } from "./strength.ts";
import { BARRIER_TYPE, emitBarrier } from "./wasm/barrier.ts";
import { ConstantTable } from "./wasm/constants.ts";
import { emitFinite, FINITE_TYPE } from "./wasm/finite.ts";
import { emitKernel, kernelType } from "./wasm/function.ts";
import { mathLibrary } from "./wasm/math.ts";
import { emitProgram, emitTeamProgram, PROGRAM_TYPE, type ResolvedStep, TEAM_PROGRAM_TYPE } from "./wasm/program.ts";
import { busiest, emitWarmUp, WARM_UP_TYPE } from "./wasm/warm-up.ts";

const PAGE = 65536;

export interface WasmOptions {
  /** Names the functions, for profilers and debuggers. */
  readonly names?: boolean;
  /** Imports `env.clock`, which every thread calls behind each kernel with the kernel's number in `callsOf`. */
  readonly clock?: boolean;
  /** Exports `warm_up()`, which has an engine optimise the kernels of these programs. */
  readonly warmUp?: readonly string[];
}

/** For one thread. Exports `memory`, and each program by its name. */
export function emitWasm(module: LoopModule, options: WasmOptions = {}): Uint8Array {
  const { wasm, functionOf, finite, finish, clock } = begin(module, null, options.clock);
  const alone = (kernel: Kernel) => functionOf(kernel, null);
  const programs = module.programs.map(({ name, steps }) => {
    const resolved = steps.map((step) => resolve(step, alone));
    wasm.export(
      name,
      wasm.func(name, PROGRAM_TYPE, (code) => emitProgram(code, resolved, { finite, clock })),
    );
    return { name, steps: resolved };
  });
  exportWarmUp(wasm, programs, options);
  const pages = finish();
  wasm.memory({ min: pages, max: pages });
  wasm.export("memory", "memory");
  return wasm.encode(options);
}

/** For any number of threads. Imports `env.memory`; programs also take the thread's number and how many there are. */
export function emitTeamWasm(
  module: LoopModule,
  options: WasmOptions = {},
): { readonly bytes: Uint8Array; readonly memory: Pick<ManifestThreads, "pages" | "limits"> } {
  const barriers = (wasm: WasmModule) => wasm.func("barrier", BARRIER_TYPE, emitBarrier);
  const { wasm, barrier, functionOf, finite, finish, clock } = begin(module, barriers, options.clock);
  const alone = (kernel: Kernel) => functionOf(kernel, null);
  const shared = new Map<Kernel, Kernel | null>();
  const sharedOut = (kernel: Kernel): Kernel | null => {
    if (!shared.has(kernel)) shared.set(kernel, shareOut(kernel));
    return shared.get(kernel)!;
  };
  const programs = module.programs.map(({ name, steps }) => {
    const resolved = steps.map((step): ResolvedStep => {
      const kernel = isBlocks(step) ? null : sharedOut(step.kernel);
      if (!kernel) return resolve(step, alone);
      return { call: step as Call, f: functionOf(kernel, barrier), pieces: piecesOf((step as Call).kernel) };
    });
    const team = { barrier: barrier!, finite, clock, scratchBytes: module.scratchBytes ?? 0 };
    wasm.export(
      name,
      wasm.func(name, TEAM_PROGRAM_TYPE, (code) => emitTeamProgram(code, resolved, team)),
    );
    return { name, steps: resolved };
  });
  exportWarmUp(wasm, programs, options);
  const pages = finish();
  wasm.importMemory("env", "memory", { min: pages, max: pages });
  const bytes = wasm.encode(options);
  return { bytes, memory: { pages, limits: limitsOf(bytes) } };
}

function exportWarmUp(
  wasm: WasmModule,
  programs: readonly { readonly name: string; readonly steps: readonly ResolvedStep[] }[],
  { warmUp = [] }: WasmOptions,
): void {
  const kernels = busiest(programs.filter(({ name }) => warmUp.includes(name)).flatMap(({ steps }) => steps));
  if (kernels.length === 0) return;
  wasm.export(
    "warm_up",
    wasm.func("warm_up", WARM_UP_TYPE, (code) => emitWarmUp(code, kernels)),
  );
}

function resolve(step: ProgramStep, alone: (kernel: Kernel) => Code): ResolvedStep {
  if (!isBlocks(step)) return { call: step, f: alone(step.kernel), pieces: 0 };
  const calls = (part: Blocks["parts"][number]) => part.calls.map((call) => ({ call, f: alone(call.kernel) }));
  return { blocks: step, parts: step.parts.map(calls) };
}

/** The parts that both kinds of module have. Kernels that differ in names only become one function. */
function begin(module: LoopModule, barriers: ((wasm: WasmModule) => FunctionRef) | null, clocked = false) {
  if (module.floatBytes !== 4) throw new TypeError("the WASM backend computes in 4-byte floats");
  const wasm = new WasmModule();
  const clock = clocked ? wasm.importFunction("env", "clock", { params: ["i32"], results: [] }) : null;
  const constants = new ConstantTable(16 * Math.ceil(module.memoryBytes / 16));
  const math = mathLibrary(wasm, constants);
  const functions = new Map<string, Code>();
  const texts = new Map<Kernel, string>();
  const functionOf = (kernel: Kernel, barrier: FunctionRef | null): Code => {
    const text = texts.get(kernel) ?? canonicalKernel(kernel);
    texts.set(kernel, text);
    const key = `${barrier ? "shared " : ""}${text}`;
    let f = functions.get(key);
    if (!f) {
      const type = kernelType(kernel, barrier !== null);
      f = wasm.func(kernel.name, type, (code) => emitKernel(code, reduceStrength(kernel), math, barrier));
      functions.set(key, f);
    }
    return f;
  };
  const finish = (): number => {
    constants.addTo(wasm);
    return Math.max(1, Math.ceil(constants.end / PAGE));
  };
  return {
    wasm,
    clock,
    barrier: barriers?.(wasm) ?? null,
    functionOf,
    finite: module.checkFinite ? wasm.func("all_finite", FINITE_TYPE, emitFinite) : null,
    finish,
  };
}

/** Where the import of the memory says whether it is shared: behind its names and the kind of import. */
function limitsOf(bytes: Uint8Array): number {
  const name = [3, ...new TextEncoder().encode("env"), 6, ...new TextEncoder().encode("memory"), 2];
  return bytes.findIndex((_, at) => name.every((byte, i) => bytes[at + i] === byte)) + name.length;
}
