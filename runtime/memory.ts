import type { Engine, Manifest } from "./abi.ts";

/** The module's memory as arrays: the same bytes as floats, integers and bytes. */
export interface Memory {
  readonly floats: Float32Array | Float64Array;
  readonly integers: Int32Array;
  readonly bytes: Uint8Array;
}

export function memoryOf(engine: Engine, manifest: Manifest): Memory {
  const { memory } = engine;
  return {
    floats: manifest.floatBytes === 8 ? new Float64Array(memory) : new Float32Array(memory),
    integers: new Int32Array(memory),
    bytes: new Uint8Array(memory),
  };
}

/** A live view of floats. */
export function floatsAt(memory: Memory, address: number, shape: readonly number[]): Float32Array | Float64Array {
  const begin = address / memory.floats.BYTES_PER_ELEMENT;
  return memory.floats.subarray(begin, begin + elements(shape));
}

/** The number of elements, with `n` standing for `samples`. */
export function elements(shape: readonly (number | "n")[], samples = 1): number {
  return shape.reduce<number>((size, dim) => size * (dim === "n" ? samples : dim), 1);
}
