/** A compiled model as files that need nothing else: what `mlc build` writes. */
import runtimeSource from "virtual:runtime";
import { bundleArtifact } from "./4-codegen/bundle.ts";
import type { Compilation } from "./compile.ts";

export interface ArtifactOptions {
  /** Of the files; the model's name if absent. */
  readonly name?: string;
  /** Puts the WebAssembly into the `.js`. */
  readonly inline?: boolean;
}

/** `<name>.js` (an ES module), `<name>.d.ts`, and `<name>.wasm` unless it is inlined or the kernels are JavaScript. */
export function artifact(compilation: Compilation, options: ArtifactOptions = {}): Record<string, string | Uint8Array> {
  const { manifest, wasm, js } = compilation;
  return bundleArtifact({
    name: options.name ?? manifest.name,
    manifest,
    wasm,
    js,
    inline: options.inline,
    runtimeSource,
  });
}
