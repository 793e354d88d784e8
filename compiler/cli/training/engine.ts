/** How V8 is to run a process that compiles one model and then trains for long. */
import { setFlagsFromString } from "node:v8";

const FLAGS = [
  // Collect what compiling leaves behind instead of letting the heap grow to several times its size.
  "--optimize-for-size",
  // Optimise all kernels at once, in the background while the data are read, instead of each when it has run for some time.
  "--no-wasm-lazy-compilation",
  "--no-wasm-dynamic-tiering",
];

export function tuneEngine(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}

/** From Node 24 on, WebAssembly that is being compiled does not keep a process alive that waits for nothing else. */
export async function keepAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
