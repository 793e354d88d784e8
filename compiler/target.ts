import type { ConvAlgorithm } from "./ops/conv-algorithms.ts";

/** What the kernels are generated for. */
export interface Target {
  readonly backend: "wasm" | "js";
  /** Lanes of a vector: 4 in WebAssembly SIMD, 1 in JavaScript. */
  readonly lanes: 4 | 1;
  readonly floatBytes: 4 | 8;
  /** `strict`: convolutions straight from the definition; `fast`: by Winograd's algorithm where that is faster. */
  readonly numerics: "strict" | "fast";
  /** Whether kernels that keep samples apart run depth first, a few samples at a time: where that saves memory traffic, or wherever they can. */
  readonly blocks: "auto" | "always" | "never";
  /** The algorithm of all convolutions that it suits and whose layers name none; the compiler's choice if absent. */
  readonly convolution?: ConvAlgorithm;
}
