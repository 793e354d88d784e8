/** Kernels that are WebAssembly, from wherever they are. */
import type { Engine, KernelSource, ManifestThreads } from "./abi.ts";
import { TrainerError } from "./errors.ts";

/** The module, its bytes, or its address. */
export type WasmSource = KernelSource["wasm"];

/** For one thread. Modules for several, which `threads` describes, import the memory that others define. */
export async function wasmEngine(source: WasmSource, threads?: ManifestThreads): Promise<Engine> {
  const own = threads && new WebAssembly.Memory({ initial: threads.pages, maximum: threads.pages });
  const imports: WebAssembly.Imports = own ? { env: { memory: own } } : {};
  const { exports } = await WebAssembly.instantiate(await compile(source), imports);
  const programs = exports as Record<string, (n: number, thread: number, threads: number) => number>;
  const memory = own ?? (exports.memory as WebAssembly.Memory);
  return {
    memory: memory.buffer,
    run: (program, n) => programs[program](n, 0, 1),
    warmUp: () => void programs.warm_up?.(0, 0, 1),
  };
}

async function compile(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof URL) return compileAt(source);
  return "byteLength" in source ? WebAssembly.compile(source as BufferSource) : source;
}

/** A compiled module does not. */
export function givesBytes(source: WasmSource): boolean {
  return source instanceof URL || "byteLength" in source;
}

/** The bytes, with a byte replaced. */
export async function patched(source: WasmSource, at: number, byte: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = source instanceof URL ? await bytesAt(source) : source;
  const copy = new Uint8Array(bytes as ArrayBuffer).slice();
  copy[at] = byte;
  return copy;
}

async function compileAt(source: URL): Promise<WebAssembly.Module> {
  if (isFile(source)) return WebAssembly.compile(await bytesAt(source));
  const response = await responseOf(source);
  // Streaming demands the right type from the server; not every server knows it.
  const streams = response.headers.get("content-type")?.startsWith("application/wasm");
  return streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

async function bytesAt(source: URL): Promise<BufferSource> {
  if (!isFile(source)) return (await responseOf(source)).arrayBuffer();
  // Asked for at run time, so that bundlers for browsers see no Node module.
  const { readFile } = process.getBuiltinModule("node:fs/promises");
  return readFile(source).catch((error) => unavailable(source, error.message));
}

/** Node reads files itself: its fetch does not. */
function isFile({ protocol }: URL): boolean {
  return protocol === "file:" && Boolean(globalThis.process?.versions?.node);
}

async function responseOf(source: URL): Promise<Response> {
  const response = await fetch(source).catch((error) => unavailable(source, error.message));
  if (!response.ok) unavailable(source, `status ${response.status}`);
  return response;
}

function unavailable(source: URL, reason: string): never {
  throw new TrainerError("artifact", `cannot read the kernels at ${source.href} (${reason}): put the .wasm file there`);
}

/** Bytes from base64, as an artifact holds them that is one file. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
