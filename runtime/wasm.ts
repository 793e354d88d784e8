/** Kernels that are WebAssembly, from wherever they are. */
import type { Engine } from "./abi.ts";
import { TrainerError } from "./errors.ts";

/** The module, its bytes, or its address. */
export type WasmSource = WebAssembly.Module | Uint8Array | ArrayBuffer | URL;

export async function wasmEngine(source: WasmSource): Promise<Engine> {
  const { exports } = await WebAssembly.instantiate(await compile(source));
  return {
    memory: (exports.memory as WebAssembly.Memory).buffer,
    run: (program, n) => (exports[program] as (n: number) => number)(n),
  };
}

async function compile(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof URL) return compileAt(source);
  return "byteLength" in source ? WebAssembly.compile(source as BufferSource) : source;
}

async function compileAt(source: URL): Promise<WebAssembly.Module> {
  // Node reads files itself: its fetch does not. Asked for at run time, so that bundlers for browsers see no Node module.
  if (source.protocol === "file:" && globalThis.process?.versions?.node) {
    const { readFile } = process.getBuiltinModule("node:fs/promises");
    return WebAssembly.compile(await readFile(source).catch((error) => unavailable(source, error.message)));
  }
  const response = await fetch(source).catch((error) => unavailable(source, error.message));
  if (!response.ok) unavailable(source, `status ${response.status}`);
  // Streaming demands the right type from the server; not every server knows it.
  const streams = response.headers.get("content-type")?.startsWith("application/wasm");
  return streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

function unavailable(source: URL, reason: string): never {
  throw new TrainerError("artifact", `cannot read the kernels at ${source.href} (${reason}): put the .wasm file there`);
}

/** Bytes from base64, as an artifact holds them that is one file. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
