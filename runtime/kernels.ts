/** The compiled programs as functions: host scalars and the random seed are written, the program runs, results are read. */
import type { Engine, Manifest, ManifestProgram, ManifestTensor } from "./abi.ts";
import type { Values } from "./api.ts";
import { NonFiniteError } from "./errors.ts";
import { type HostFunction, type HostValues, hostFunction } from "./host.ts";
import { initialise } from "./init.ts";
import { elements, floatsAt, type Memory, memoryOf } from "./memory.ts";

export type ManifestResult = ManifestProgram["results"][number];

/** The program that packs weights which the host has written. */
const PACK = "pack";

export class Kernels {
  readonly memory: Memory;
  /** The caller keeps these up to date; `n` is set by `run`. */
  readonly host: HostValues;
  readonly #scalars: readonly { readonly at: number; readonly value: HostFunction }[];
  readonly #lr: HostFunction | null;
  /** Whether weights may have been written here since they were packed; and whether they always may be. */
  #unpacked = true;
  #shared = false;
  /** Weights and their averages. */
  readonly #averages: readonly (readonly [Float32Array | Float64Array, Float32Array | Float64Array])[];

  constructor(
    readonly manifest: Manifest,
    readonly engine: Engine,
  ) {
    this.memory = memoryOf(engine, manifest);
    const { epochs } = manifest.train;
    this.host = { n: 0, step: 0, epoch: 0, steps_per_epoch: 0, epochs, total_steps: 0, accumulated: 0 };
    const { tensors } = manifest;
    this.#averages = tensors.flatMap((average) => {
      const tensor = tensors.find(({ name }) => name === average.averageOf);
      return tensor ? [[this.view(tensor), this.view(average)] as const] : [];
    });
    this.#scalars = manifest.scalars.map(({ address, expr }) => ({
      at: address / manifest.floatBytes,
      value: hostFunction(expr),
    }));
    this.#lr = manifest.lr === null ? null : hostFunction(manifest.lr);
  }

  initialise(tensors: readonly ManifestTensor[], seed: number): void {
    for (const tensor of tensors) initialise(this.view(tensor), tensor, seed);
  }

  /** A tensor's place in memory, which may be written before the next run, or at any time where it is shared with the caller. */
  view({ address, shape }: ManifestTensor, shared = false): Float32Array | Float64Array {
    this.#unpacked = true;
    this.#shared ||= shared;
    return floatsAt(this.memory, address, shape);
  }

  /** The learning rate of the step that `host` describes. */
  lr(): number | null {
    return this.#lr === null ? null : this.#lr(this.host);
  }

  /** Runs with the averages in the places of the weights. */
  averaged<T>(run: () => T): T {
    this.#swap();
    try {
      return run();
    } finally {
      this.#swap();
    }
  }

  #swap(): void {
    for (const [weights, average] of this.#averages) {
      this.#unpacked = true;
      const kept = weights.slice();
      weights.set(average);
      average.set(kept);
    }
  }

  /** `draw` counts the batches of the run: with the seed it decides the random numbers. */
  run(name: string, n: number, seed: number, draw: number): void {
    const { manifest, memory, host } = this;
    if (this.#unpacked && name !== PACK) {
      if (manifest.programs[PACK]) this.run(PACK, n, seed, draw);
      this.#unpacked = this.#shared;
    }
    host.n = n;
    for (let i = 0; i < this.#scalars.length; i++) {
      memory.floats[this.#scalars[i].at] = this.#scalars[i].value(host);
    }
    memory.integers[manifest.rng / 4] = seed;
    memory.integers[manifest.rng / 4 + 1] = draw;
    const found = this.engine.run(name, n);
    if (found > 0) {
      // The program ended early: weights may be new, and their packed form old.
      this.#unpacked = true;
      this.#refuseInputs(name, n);
      const { label, place, kernel } = manifest.programs[name].calls![found - 1];
      throw new NonFiniteError(label, place, kernel, name, host.step + 1);
    }
  }

  /** Kernels are not at fault for what they were given. */
  #refuseInputs(program: string, n: number): void {
    for (const { name, role, dtype, shape, address, place, bytes } of this.manifest.inputs) {
      if (place === undefined || dtype !== "f32" || (bytes && this.host[bytes])) continue;
      const values = this.values({ name, dtype, shape: ["n", ...shape], address }, n);
      if (!values.every(Number.isFinite)) {
        throw new NonFiniteError(`${role} ${name}`, place, null, program, this.host.step + 1);
      }
    }
  }

  results(program: string): readonly ManifestResult[] {
    return this.manifest.programs[program].results;
  }

  /** A result that is one number. */
  scalar({ dtype, address }: ManifestResult): number {
    return dtype === "i32" ? this.memory.integers[address / 4] : this.memory.floats[address / this.manifest.floatBytes];
  }

  /** A result of `n` samples, as a view. */
  values({ dtype, shape, address }: ManifestResult, n: number): Values {
    const all = dtype === "i32" ? this.memory.integers : this.memory.floats;
    const begin = address / all.BYTES_PER_ELEMENT;
    return all.subarray(begin, begin + elements(shape, n));
  }

  /** Room for such a result. */
  allocate({ dtype, shape }: ManifestResult, n: number): Values {
    const size = elements(shape, n);
    if (dtype === "i32") return new Int32Array(size);
    return this.manifest.floatBytes === 8 ? new Float64Array(size) : new Float32Array(size);
  }
}
