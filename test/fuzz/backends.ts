/** The compiled forms of a model that are compared with the interpreter. */
import { type Compilation, type CompileOptions, compile } from "../../compiler/compile.ts";
import type { Engine } from "../../runtime/index.ts";

export interface Backend {
  readonly options: CompileOptions;
  readonly threads: number;
  /** A rounding error is 2^-bits. */
  readonly bits: number;
  /** How many times the distance of the reference's noisy runs is allowed. */
  readonly factor: number;
  /** Must give the same bits as that one. */
  readonly sameAs?: string;
}

const wasm = (options: CompileOptions) => ({ options, threads: 1, bits: 23, factor: 16 });
const strict = wasm({ numerics: "strict" });
const depthFirst = wasm({ numerics: "strict", blocks: "always" });
const fast = wasm({ numerics: "fast" });

export const BACKENDS = {
  js64: { options: { backend: "js", precision: "f64" }, threads: 1, bits: 50, factor: 64 },
  js: { options: { backend: "js", numerics: "strict" }, threads: 1, bits: 23, factor: 16 },
  wasm: strict,
  "wasm, 2 threads": { ...strict, threads: 2, sameAs: "wasm" },
  "wasm, depth first": depthFirst,
  "wasm, depth first, 2 threads": { ...depthFirst, threads: 2, sameAs: "wasm, depth first" },
  "wasm, fast": fast,
  "wasm, fast, 2 threads": { ...fast, threads: 2, sameAs: "wasm, fast" },
} as const satisfies Record<string, Backend>;
export type BackendName = keyof typeof BACKENDS;

export const backend = (name: BackendName): Backend => BACKENDS[name];

/** Those that must run to see whether this one differs. */
export function neededFor(name: BackendName): readonly BackendName[] {
  const { sameAs } = backend(name);
  return sameAs ? [sameAs as BackendName, name] : [name];
}

/** Compiles a model for each backend; those that differ in threads alone share what comes out. */
export class Compilations {
  private readonly made = new Map<unknown, Compilation>();

  constructor(private readonly text: string) {}

  of(name: BackendName): Compilation {
    const { options, sameAs } = backend(name);
    if (sameAs) return this.of(sameAs as BackendName);
    const known = this.made.get(name) ?? compile(this.text, { ...options, verify: name === "js64" });
    this.made.set(name, known);
    return known;
  }
}

export const loadJs = (js: string): Promise<{ instantiate(): Engine }> =>
  import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(js)}`);
