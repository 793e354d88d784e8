/** The WASM SIMD backend: a module of the loop IR as the bytes of a WebAssembly module. */
import type { Kernel, LoopModule } from "../ir/loops.ts";
import { canonicalKernel } from "../ir/loops-text.ts";
import { type Code, type FunctionRef, WasmModule } from "../wasm/index.ts";
import { reduceStrength } from "./strength.ts";
import { ConstantTable } from "./wasm/constants.ts";
import { emitFinite, FINITE_TYPE } from "./wasm/finite.ts";
import { emitKernel, kernelType } from "./wasm/function.ts";
import { mathLibrary } from "./wasm/math.ts";

const PAGE = 65536;

export interface WasmOptions {
  /** Names the functions, for profilers and debuggers. */
  readonly names?: boolean;
}

/** Kernels that differ in names only become one function. Exports `memory`, and each program by its name. */
export function emitWasm(module: LoopModule, options: WasmOptions = {}): Uint8Array {
  if (module.floatBytes !== 4) throw new TypeError("the WASM backend computes in 4-byte floats");
  const wasm = new WasmModule();
  const constants = new ConstantTable(16 * Math.ceil(module.memoryBytes / 16));
  const math = mathLibrary(wasm, constants);
  const functions = new Map<string, FunctionRef>();
  const functionOf = (kernel: Kernel): FunctionRef => {
    const key = canonicalKernel(kernel);
    let f = functions.get(key);
    if (!f) {
      f = wasm.func(kernel.name, kernelType(kernel), (code) => emitKernel(code, reduceStrength(kernel), math));
      functions.set(key, f);
    }
    return f;
  };
  const finite = module.checkFinite ? wasm.func("all_finite", FINITE_TYPE, emitFinite) : null;
  for (const program of module.programs) {
    const calls = program.calls.map((call) => ({ ...call, f: functionOf(call.kernel) }));
    const f = wasm.func(program.name, { params: ["i32"], results: ["i32"] }, (code) =>
      emitProgram(code, calls, finite),
    );
    wasm.export(program.name, f);
  }
  constants.addTo(wasm);
  const pages = Math.max(1, Math.ceil(constants.end / PAGE));
  wasm.memory({ min: pages, max: pages });
  wasm.export("memory", "memory");
  return wasm.encode(options);
}

type ResolvedCall = LoopModule["programs"][number]["calls"][number] & { readonly f: FunctionRef };

function emitProgram(code: Code, calls: readonly ResolvedCall[], finite: FunctionRef | null): void {
  const [n] = code.params;
  calls.forEach((call, index) => {
    for (const address of call.args) code.i32(address);
    code.get(n).call(call.f);
    if (!finite) return;
    for (const { address, elements, perSample } of call.writes) {
      code.i32(address).i32(elements);
      if (perSample) code.get(n).op("i32.mul");
      code.call(finite).op("i32.eqz");
      code.if(() => code.i32(index + 1).return());
    }
  });
  code.i32(0);
}
