/** What a model asks of the number of samples in a batch: looked at before anything runs. */
import type { Manifest } from "./abi.ts";
import { TrainerError } from "./errors.ts";
import { type HostFunction, type HostValues, hostFunction } from "./host.ts";

export class Requirements {
  readonly #batch: number;
  readonly #stated: readonly { program: string; message: string; place: string; holds: HostFunction }[];

  constructor({ batch, requirements = [] }: Manifest) {
    this.#batch = batch;
    this.#stated = requirements.map(({ condition, ...stated }) => ({ ...stated, holds: hostFunction(condition) }));
  }

  /** Refuses so many samples if the program cannot take one of the batches that they come in. */
  check(program: string, samples: number, host: HostValues): void {
    const last = samples % this.#batch;
    if (samples >= this.#batch) this.#checkBatch(program, this.#batch, samples, host);
    if (last > 0) this.#checkBatch(program, last, samples, host);
  }

  #checkBatch(program: string, n: number, samples: number, host: HostValues): void {
    const broken = this.#stated.find((stated) => stated.program === program && stated.holds({ ...host, n }) === 0);
    if (broken === undefined) return;
    const isLast = n < this.#batch && n < samples;
    const where = isLast ? `the last batch of the ${samples} samples has ${n}` : `a batch has ${n}`;
    const batch = `take another batch size than ${this.#batch}`;
    const leftOut = program === "train_step" ? `leave it out (drop_last = true), or ${batch}` : batch;
    const cure = isLast ? leftOut : n < this.#batch ? "give more samples" : batch;
    throw new TrainerError("input", `${where}: ${broken.message} (${broken.place}); ${cure}`);
  }
}
