/** A run: kernels, the feed of its inputs, and where it stands. */
import type { Manifest } from "./abi.ts";
import type { Evaluation, Prediction, StepResult } from "./api.ts";
import { decodeCheckpoint, encodeCheckpoint, type LoadOptions, type Progress } from "./checkpoint.ts";
import { breather } from "./events.ts";
import { type Bound, Feed } from "./feed.ts";
import type { Kernels } from "./kernels.ts";
import { elements } from "./memory.ts";

const START = { step: 0, epoch: 0, cursor: 0, samples: 0, lossSum: 0 };

export class Session {
  readonly feed: Feed;
  readonly progress: Progress;

  constructor(
    readonly kernels: Kernels,
    seed: number,
  ) {
    const { manifest, engine, memory } = kernels;
    this.feed = new Feed(manifest, engine, memory);
    this.progress = { seed, shuffle: manifest.train.shuffle, ...START };
    kernels.initialise(manifest.tensors, seed);
  }

  get manifest(): Manifest {
    return this.kernels.manifest;
  }

  private run(program: string, n: number): void {
    const { kernels, progress } = this;
    kernels.host.step = progress.step;
    kernels.host.epoch = progress.epoch;
    kernels.run(program, n, progress.seed);
  }

  /** One training step on `n` samples from `from` of the order. */
  update(data: Bound, from: number, n: number, order: Uint32Array | null): StepResult {
    const { kernels, progress } = this;
    this.feed.write(data, from, n, order);
    this.run("train_step", n);
    const loss = kernels.scalar(kernels.results("train_step")[0]);
    const lr = kernels.lr();
    progress.step++;
    return { loss, lr, n, step: progress.step };
  }

  /** Null if the signal ended it. */
  async evaluate(data: Bound, signal?: AbortSignal): Promise<Evaluation | null> {
    const { kernels, manifest } = this;
    const scalars = kernels.results("evaluate").filter((result) => result.shape.length === 0);
    const sums = scalars.map(() => 0);
    const pause = breather();
    for (let from = 0; from < data.samples; from += manifest.batch) {
      if (signal?.aborted) return null;
      const n = Math.min(manifest.batch, data.samples - from);
      this.feed.write(data, from, n, null);
      this.run("evaluate", n);
      for (let i = 0; i < sums.length; i++) sums[i] += kernels.scalar(scalars[i]) * n;
      await pause();
    }
    const means = scalars.map(({ name }, i) => [name, sums[i] / data.samples]);
    return { ...Object.fromEntries(means), n: data.samples };
  }

  async predict(data: Bound): Promise<Prediction> {
    const { kernels, manifest } = this;
    const outputs = kernels
      .results("forward")
      .map((result) => ({ result, all: kernels.allocate(result, data.samples) }));
    const pause = breather();
    for (let from = 0; from < data.samples; from += manifest.batch) {
      const n = Math.min(manifest.batch, data.samples - from);
      this.feed.write(data, from, n, null);
      this.run("forward", n);
      for (const { result, all } of outputs) all.set(kernels.values(result, n), elements(result.shape, from));
      await pause();
    }
    return { ...Object.fromEntries(outputs.map(({ result, all }) => [result.name, all])), n: data.samples };
  }

  save(weightsOnly: boolean): Uint8Array {
    return encodeCheckpoint(this.manifest, this.kernels.memory, weightsOnly ? null : this.progress);
  }

  load(bytes: Uint8Array, options: LoadOptions): void {
    const { kernels, manifest, progress } = this;
    const loaded = decodeCheckpoint(bytes, manifest, options);
    for (const { tensor, data } of loaded.values) kernels.view(tensor).set(data);
    if (loaded.progress === null) {
      const states = manifest.tensors.filter((tensor) => tensor.kind === "state");
      kernels.initialise(states, progress.seed);
    }
    Object.assign(progress, loaded.progress ?? START);
  }
}
