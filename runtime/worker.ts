/** The other side of `threads.ts`: what a worker does. */
import type { CONTROL } from "./abi.ts";

/** What a worker is told at the start. */
export interface Assignment {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
  readonly threads: number;
  readonly programs: readonly string[];
  readonly control: typeof CONTROL;
}

/** By this name a script knows that it runs as a worker for kernels, not as an app's own. */
export const WORKER_NAME = "mlc kernels";

/**
 * In a worker for kernels: instantiates them, says "ready", and runs programs as they are called. Elsewhere: nothing. Its text
 * alone may be a worker's whole script, so it uses nothing from around it.
 */
export function serveKernels(name: string): void {
  const node = globalThis.process?.versions?.node ? process.getBuiltinModule("node:worker_threads") : null;
  const own = node ? node.workerData : !("document" in globalThis) && (globalThis as { name?: unknown }).name;
  if (own !== name) return;
  const port = (node?.parentPort ?? globalThis) as unknown as MessagePort;
  const serve = async ({ module, memory, thread, threads, programs, control }: Assignment) => {
    const words = new Int32Array(memory.buffer);
    const command = control.command / 4;
    try {
      // The first thread's clock is the one that counts.
      const { exports } = await WebAssembly.instantiate(module, { env: { memory, clock: () => {} } });
      let last = 0;
      port.postMessage("ready");
      for (;;) {
        for (let spins = 0; spins < words[control.patience / 4] && Atomics.load(words, command) === last; spins++);
        while (Atomics.load(words, command) === last) Atomics.wait(words, command, last);
        last = Atomics.load(words, command);
        const program = programs[words[control.program / 4]];
        if (program === undefined) break;
        (exports[program] as (...args: number[]) => number)(words[control.n / 4], thread, threads);
      }
    } catch (error) {
      Atomics.store(words, control.failed / 4, 1);
      port.postMessage(String(error));
    }
    port.close();
  };
  const start = (data: Assignment) => void serve(data);
  if (node) node.parentPort!.once("message", start);
  else globalThis.onmessage = ({ data }) => start(data);
}
