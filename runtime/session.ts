/** A run: kernels, the feed of its inputs, and where it stands. */
import type { Manifest } from "./abi.ts";
import type { Evaluation, Prediction, StepResult } from "./api.ts";
import { decodeCheckpoint, encodeCheckpoint, type Learned, type LoadOptions, type Progress } from "./checkpoint.ts";
import { TrainerError } from "./errors.ts";
import { breather } from "./events.ts";
import { type Bound, Feed } from "./feed.ts";
import type { Kernels, ManifestResult } from "./kernels.ts";
import { elements } from "./memory.ts";
import { Requirements } from "./requirements.ts";
import { Totals } from "./totals.ts";

const START = { step: 0, epoch: 0, cursor: 0, samples: 0, lossSum: 0, batches: 0, accumulated: 0, partialLoss: 0 };

export class Session {
  readonly feed: Feed;
  readonly progress: Progress;
  /** From the training data, or from a file. */
  readonly learned: Learned;
  private readonly requirements: Requirements;

  constructor(
    readonly kernels: Kernels,
    seed: number,
  ) {
    const { manifest, host, memory } = kernels;
    this.feed = new Feed(manifest, host, memory);
    this.requirements = new Requirements(manifest);
    this.progress = { seed, shuffle: manifest.train.shuffle, ...START };
    this.learned = { measured: (manifest.measures ?? []).length === 0, classes: null };
    kernels.initialise(manifest.tensors, seed);
  }

  get manifest(): Manifest {
    return this.kernels.manifest;
  }

  /** The most samples of an update. */
  get samplesOfUpdate(): number {
    const { batch, train } = this.manifest;
    return batch * (train.accumulate ?? 1);
  }

  private run(program: string, n: number): void {
    const { kernels, progress } = this;
    kernels.host.step = progress.step;
    kernels.host.epoch = progress.epoch;
    kernels.host.accumulated = progress.accumulated;
    kernels.run(program, n, progress.seed, progress.batches);
  }

  /** Refuses samples that the program cannot run on, batch by batch. */
  expectSamples(program: string, samples: number): void {
    this.requirements.check(program, samples, this.kernels.host);
  }

  /** With the averages of the weights, if there are any: before the first update there is nothing to average. */
  private runWith(averaged: boolean, program: string, n: number): void {
    if (averaged && this.progress.step > 0) this.kernels.averaged(() => this.run(program, n));
    else this.run(program, n);
  }

  private needMeasured(): void {
    if (this.learned.measured) return;
    const names = this.manifest.measures!.map(({ tensor }) => tensor).join(", ");
    throw new TrainerError("input", `${names}: not known yet; call measure(dataset), or load weights that hold them`);
  }

  /** Runs a program that trains nothing on all samples, batch by batch; false if the signal ended it. */
  private async look(
    program: string,
    data: Bound,
    averaged: boolean,
    visit: (from: number, n: number) => void,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const { manifest } = this;
    this.expectSamples(program, data.samples);
    const pause = breather();
    for (let from = 0; from < data.samples; from += manifest.batch) {
      if (signal?.aborted) return false;
      const n = Math.min(manifest.batch, data.samples - from);
      this.feed.write(data, from, n, null);
      this.runWith(averaged, program, n);
      visit(from, n);
      await pause();
    }
    return true;
  }

  /** Gives the measured buffers their values, from the samples that will be trained on; false if the signal ended it. */
  async measure(data: Bound, signal?: AbortSignal): Promise<boolean> {
    const { kernels, manifest, learned } = this;
    for (const { tensor, program } of manifest.measures ?? []) {
      const [result] = kernels.results(program);
      const sums = new Float64Array(elements(result.shape));
      const add = (_: number, n: number) => {
        const means = kernels.values(result, n);
        for (let i = 0; i < sums.length; i++) sums[i] += means[i] * n;
      };
      if (!(await this.look(program, data, false, add, signal))) return false;
      const buffer = manifest.tensors.find(({ name }) => name === tensor)!;
      kernels.view(buffer).set(sums.map((sum) => sum / data.samples));
    }
    learned.measured = true;
    return true;
  }

  /** One update from all samples of `data`, in as many batches as it takes. */
  update(data: Bound): StepResult {
    this.expectSamples("train_step", data.samples);
    for (let from = 0; ; from += this.manifest.batch) {
      const n = Math.min(this.manifest.batch, data.samples - from);
      const result = this.batch(data, from, n, null, from + n >= data.samples);
      if (result) return result;
    }
  }

  /** One batch of `n` samples from `from` of the order; null if its update goes on with the next one. */
  batch(data: Bound, from: number, n: number, order: Uint32Array | null, ends: boolean): StepResult | null {
    const { kernels, progress } = this;
    this.needMeasured();
    this.feed.write(data, from, n, order);
    this.run("train_step", n);
    const own = kernels.scalar(kernels.results("train_step")[0]);
    const lr = kernels.lr();
    progress.batches++;
    progress.accumulated += n;
    progress.partialLoss += own * n;
    if (!ends) return null;
    if (this.manifest.programs.update) this.run("update", n);
    const samples = progress.accumulated;
    const loss = samples === n ? own : progress.partialLoss / samples;
    progress.accumulated = 0;
    progress.partialLoss = 0;
    progress.step++;
    return { loss, lr, n: samples, step: progress.step };
  }

  /** Null if the signal ended it. */
  async evaluate(data: Bound, averaged: boolean, signal?: AbortSignal): Promise<Evaluation | null> {
    const { kernels, manifest } = this;
    this.needMeasured();
    const totals = new Totals(manifest.totals, kernels.memory);
    if (!(await this.look("evaluate", data, averaged, (_, n) => totals.add(n), signal))) return null;
    totals.store();
    this.runWith(averaged, "summary", data.samples);
    const value = (result: ManifestResult) =>
      result.shape.length === 0 ? kernels.scalar(result) : kernels.values(result, 1).slice();
    const results = kernels.results("summary").map((result) => [result.name, value(result)]);
    return { ...Object.fromEntries(results), n: data.samples };
  }

  async predict(data: Bound, averaged: boolean): Promise<Prediction> {
    const { kernels } = this;
    this.needMeasured();
    const outputs = kernels
      .results("forward")
      .map((result) => ({ result, all: kernels.allocate(result, data.samples) }));
    await this.look("forward", data, averaged, (from, n) => {
      for (const { result, all } of outputs) all.set(kernels.values(result, n), elements(result.shape, from));
    });
    return { ...Object.fromEntries(outputs.map(({ result, all }) => [result.name, all])), n: data.samples };
  }

  save(weightsOnly: boolean, averaged: boolean): Uint8Array {
    const { manifest, kernels, progress, learned } = this;
    const encode = () => encodeCheckpoint(manifest, kernels.memory, learned, weightsOnly ? null : progress);
    return weightsOnly && averaged && progress.step > 0 ? kernels.averaged(encode) : encode();
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
    Object.assign(this.learned, { measured: loaded.measured, classes: loaded.classes ?? this.learned.classes });
  }
}
