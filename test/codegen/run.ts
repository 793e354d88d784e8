/** Runs single kernels on either backend, for tests. */
import { emitJs } from "../../compiler/4-codegen/js-backend.ts";
import { emitWasm } from "../../compiler/4-codegen/wasm-backend.ts";
import type { Buffer, Elem, Kernel, LoopModule } from "../../compiler/ir/loops.ts";

const VIEW = { f32: Float32Array, i32: Int32Array, u8: Uint8Array };
const SIZE: Record<Elem, number> = { f32: 4, i32: 4, u8: 1 };

interface Placed {
  readonly module: LoopModule;
  readonly places: ReadonlyMap<Buffer, number>;
}

/** The kernel as program `main`; its buffers side by side from address `start` on, the first at `start` itself. */
function place(kernel: Kernel, arrays: ReadonlyMap<Buffer, number[]>, floatBytes: 4 | 8, start: number): Placed {
  const places = new Map<Buffer, number>();
  let end = start;
  for (const buffer of kernel.buffers) {
    places.set(buffer, end);
    end += Math.ceil((arrays.get(buffer)!.length * (buffer.elem === "f32" ? floatBytes : SIZE[buffer.elem])) / 16) * 16;
  }
  const call = { kernel, args: kernel.buffers.map((b) => places.get(b)!), writes: [] };
  return {
    module: { programs: [{ name: "main", steps: [call] }], memoryBytes: end, floatBytes, checkFinite: false },
    places,
  };
}

function exchange(
  memory: ArrayBuffer,
  { places, module }: Placed,
  arrays: ReadonlyMap<Buffer, number[]>,
  run: () => void,
): void {
  const views = [...arrays].map(([buffer, values]) => {
    const View = buffer.elem === "f32" && module.floatBytes === 8 ? Float64Array : VIEW[buffer.elem];
    return { values, view: new View(memory, places.get(buffer)!, values.length) };
  });
  for (const { values, view } of views) view.set(values);
  run();
  for (const { values, view } of views) values.splice(0, values.length, ...view);
}

/** Runs the kernel in place on the arrays, by the WASM backend. */
export function runWasm(kernel: Kernel, arrays: ReadonlyMap<Buffer, number[]>, n: number, start = 0): void {
  const placed = place(kernel, arrays, 4, start);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(emitWasm(placed.module) as BufferSource));
  const { memory, main } = instance.exports as unknown as { memory: WebAssembly.Memory; main(n: number): number };
  exchange(memory.buffer as ArrayBuffer, placed, arrays, () => main(n));
}

/** Runs the kernel in place on the arrays, by the JavaScript backend. */
export async function runJs(
  kernel: Kernel,
  arrays: ReadonlyMap<Buffer, number[]>,
  n: number,
  floatBytes: 4 | 8 = 4,
): Promise<void> {
  const placed = place(kernel, arrays, floatBytes, 0);
  const engine = await instantiateJs(emitJs(placed.module));
  exchange(engine.memory, placed, arrays, () => engine.run("main", n));
}

export async function instantiateJs(
  text: string,
): Promise<{ memory: ArrayBuffer; run(program: string, n: number): number }> {
  const module = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(text)}`);
  return module.instantiate();
}
