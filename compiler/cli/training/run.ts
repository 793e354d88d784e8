/** `mlc train`: from a compiled model and its data to trained weights, with everything that has to happen on the way. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  createTrainer,
  decodeSafetensors,
  type EpochResult,
  type FitStep,
  NonFiniteError,
  type Trainer,
  toNumbers,
} from "../../../runtime/index.ts";
import { CompileError, type Diagnostic } from "../../diagnostics.ts";
import { sizeOf } from "../../ir/graph.ts";
import { type Datasets, openData } from "../data/open.ts";
import { Interrupted, UserError } from "../errors.ts";
import { checkWritable, writeAtomically } from "../files.ts";
import { importedFiles } from "../imports.ts";
import type { Io } from "../io.ts";
import { plainEvaluation } from "../metrics.ts";
import { compileModel, executableOf, readModel } from "../model.ts";
import type { TrainOptions } from "../train.ts";
import { loadFile } from "../weights.ts";
import { Best } from "./best.ts";
import { latestCheckpoint, saveCheckpoint } from "./checkpoints.ts";
import { keepAlive, tuneEngine } from "./engine.ts";
import { jsonLine, type TrainEvent } from "./events.ts";
import { type Log, openLog } from "./log.ts";
import { openTensorBoard } from "./tensorboard.ts";
import { type Start, TerminalReport } from "./terminal.ts";

export async function runTraining(file: string, options: TrainOptions, io: Io): Promise<void> {
  tuneEngine();
  const compilation = await compileModel(file, options, io, { checkFinite: options.checkFinite });
  const { manifest } = compilation;
  const { seed, threads = "auto" } = options;
  const trainer = await keepAlive(createTrainer(executableOf(compilation), { seed, threads }));
  const resumed = await initialise(trainer, options, io);
  if (options.save !== undefined) await checkWritable(options.save);
  if (options.saveBest !== undefined) await checkWritable(options.saveBest);
  if (options.checkpointDir !== undefined) await checkWritable(join(options.checkpointDir, "checkpoint"));
  const quiet = options.quiet || options.json;
  const data = await openData(manifest, { io, data: options.data, model: file, quiet }, { training: true });
  const best = wantsBest(options, data) ? new Best(trainer, options, resumed) : null;
  const logs: Log[] = [];
  if (options.log !== undefined) logs.push(await openLog(options.log, resumed ? trainer.progress : null));
  if (options.tensorboard !== undefined) logs.push(openTensorBoard(options.tensorboard));
  const run = new Run(trainer, options, io, logs, best);
  try {
    const { batches, epochs, steps } = lengthOfRun(trainer, data.training!.length, options);
    run.begin({ file, data: data.title, batches, epochs });
    const { interrupt: signal } = io;
    const fit = trainer.fit(data.training!.data, {
      epochs,
      steps,
      signal,
      shuffle: options.shuffle ? undefined : false,
      evalDataset: data.evaluation?.data,
      evalEvery: options.evalEvery,
      averaged: options.average,
      onStep: (step) => run.step(step),
    });
    for await (const epoch of fit) {
      await run.epoch(epoch);
      if (run.isExhausted) break;
    }
    await run.end(signal.aborted);
  } catch (error) {
    throw await run.rescued(located(error, file, options));
  } finally {
    run.close();
    trainer.dispose();
  }
}

function wantsBest({ saveBest, metric, patience }: TrainOptions, { evaluation }: Datasets): boolean {
  const wants = saveBest !== undefined || metric !== undefined || patience !== undefined;
  if (wants && evaluation === null) {
    const help = "Name it in the data clause: `eval = …`, or `validation = 0.1`.";
    throw new UserError(
      "no-data",
      "--save-best, --metric and --patience need evaluation data; the model names none",
      help,
    );
  }
  return wants;
}

/** Weights from a file, or the state of an earlier run; true if that run goes on. */
async function initialise(trainer: Trainer, options: TrainOptions, io: Io): Promise<boolean> {
  const allowNonFinite = options.keepGoing;
  if (options.init !== undefined) await loadFile(trainer, options.init, { weightsOnly: true, allowNonFinite });
  const checkpoint = options.resume ? latestCheckpoint(options.checkpointDir!) : null;
  if (checkpoint === null) {
    if (options.resume && !options.quiet) {
      io.stderr.write(`No checkpoint in ${options.checkpointDir} yet: training starts from the beginning.\n`);
    }
    return false;
  }
  await loadFile(trainer, checkpoint, { allowNonFinite });
  const { seed } = trainer.progress;
  if (options.seed !== undefined && options.seed !== seed) {
    const help = "Leave --seed out, or name another --checkpoint-dir.";
    throw new UserError("resume", `${checkpoint} belongs to a run with --seed ${seed}, not ${options.seed}`, help);
  }
  return true;
}

/** `--steps` alone means so many, however many epochs that takes. */
function lengthOfRun({ manifest }: Trainer, samples: number, { epochs, steps }: TrainOptions) {
  const { batch, train } = manifest;
  const batches = train.drop_last ? Math.floor(samples / batch) : Math.ceil(samples / batch);
  const updates = Math.ceil(batches / (train.accumulate ?? 1));
  if (epochs !== undefined || steps === undefined) return { batches: updates, epochs: epochs ?? train.epochs, steps };
  return { batches: updates, epochs: Math.max(train.epochs, Math.ceil(steps / Math.max(1, updates))), steps };
}

class Run {
  private readonly report: TerminalReport | null;
  private lastFinite: { loss: number; step: number } | null = null;
  private lr: number | null = null;
  private before = performance.now();
  private readonly first: number;

  constructor(
    private readonly trainer: Trainer,
    private readonly options: TrainOptions,
    private readonly io: Io,
    private readonly logs: readonly Log[],
    private readonly best: Best | null,
  ) {
    this.first = trainer.progress.step;
    this.report = options.quiet || options.json ? null : new TerminalReport(io);
  }

  begin(facts: Omit<Start, "parameters">): void {
    const { trainer, options, io } = this;
    for (const note of trainer.notes) if (!options.quiet) io.stderr.write(`note: ${note}\n`);
    const start = { ...facts, parameters: trainer.parameters().reduce((sum, { shape }) => sum + sizeOf(shape, 1), 0) };
    this.report?.begin(trainer, options, start);
    if (options.json) {
      const { name: model, batch, memoryBytes: memory } = trainer.manifest;
      const { seed, step } = trainer.progress;
      const { threads } = trainer;
      io.stdout.write(jsonLine({ event: "start", model, ...start, batch, memory, seed, step, threads }));
    }
    this.before = performance.now();
  }

  step({ step, epoch, loss, lr, n, done, samples, totalSteps }: FitStep): void {
    const now = performance.now();
    const ms = Math.round((now - this.before) * 1000) / 1000;
    this.before = now;
    this.lr = lr;
    this.emit({ event: "step", step, epoch, loss, lr, n, ms });
    if (Number.isFinite(loss)) this.lastFinite = { loss, step };
    else if (!this.options.keepGoing) throw this.divergence(`the loss is ${loss} at step ${step} (epoch ${epoch})`);
    this.report?.step({ step, epoch, loss, n, done, samples, totalSteps });
  }

  async epoch({ epoch, loss, lossSum, seconds, evaluation }: EpochResult): Promise<void> {
    this.emit({ event: "epoch", epoch, loss_sum: lossSum, loss_mean: loss, seconds });
    if (evaluation) this.emit({ event: "eval", epoch, ...plainEvaluation(this.trainer.manifest, evaluation) });
    this.report?.epoch({ epoch, loss, lossSum, seconds, evaluation });
    await this.refuseNonFinite();
    if (evaluation) await this.best?.see(epoch, evaluation);
    if (this.options.checkpointDir !== undefined) await saveCheckpoint(this.options.checkpointDir, this.trainer);
    this.before = performance.now();
  }

  /** Whether the evaluations have not become better for as long as `--patience` allows. */
  get isExhausted(): boolean {
    return this.best?.isExhausted ?? false;
  }

  async end(interrupted: boolean): Promise<void> {
    const { trainer, options } = this;
    const { save, checkpointDir } = options;
    const saved: string[] = [];
    await this.refuseNonFinite();
    if (save !== undefined) {
      await writeAtomically(save, await trainer.save({ weightsOnly: true, averaged: options.average }));
      saved.push(save);
    }
    // Epochs have saved theirs.
    const isWithinEpoch = trainer.progress.cursor > 0;
    if (checkpointDir !== undefined && (interrupted || isWithinEpoch))
      saved.push(await saveCheckpoint(checkpointDir, trainer));
    if (this.best && options.saveBest !== undefined && existsSync(options.saveBest)) saved.push(options.saveBest);
    this.report?.end(saved, trainer.progress.step, this.best);
    if (options.json) for (const path of saved) this.io.stdout.write(jsonLine({ event: "saved", path }));
    if (interrupted) {
      const kept =
        saved.length === 0
          ? "nothing was saved, as neither --save nor --checkpoint-dir was given"
          : `saved ${saved.join(" and ")}`;
      throw new Interrupted(`interrupted after step ${trainer.progress.step}: ${kept}`);
    }
  }

  /** The error; if it is a file's, such as a log on a full disk, what has been learned is saved all the same. */
  async rescued(error: unknown): Promise<unknown> {
    const { save, average } = this.options;
    const { step } = this.trainer.progress;
    const isFile = error instanceof UserError && error.code === "file";
    if (!isFile || save === undefined || step === this.first) return error;
    try {
      await this.refuseNonFinite();
      await writeAtomically(save, await this.trainer.save({ weightsOnly: true, averaged: average }));
    } catch {
      return error;
    }
    return new UserError(error.code, `${error.message}; ${save} has the weights after step ${step}`, error.help);
  }

  close(): void {
    this.report?.close();
    for (const log of this.logs) log.close();
  }

  private emit(event: TrainEvent): void {
    for (const log of this.logs) log.write(event);
    if (this.options.json) this.io.stdout.write(jsonLine(event));
  }

  /** The last update may have overflowed after a loss that was still finite: such weights are not worth keeping. */
  private async refuseNonFinite(): Promise<void> {
    const { trainer, options } = this;
    if (options.keepGoing) return;
    // In a copy: of weights that others can write, kernels cannot rely on what they have packed.
    const { tensors } = decodeSafetensors(await trainer.save({ weightsOnly: true, averaged: false }));
    const found = trainer.parameters().find(({ name }) => !toNumbers(tensors.get(name)!, name).every(Number.isFinite));
    if (found)
      throw this.divergence(`${found.name} has values that are not finite after step ${trainer.progress.step}`);
  }

  private divergence(what: string): UserError {
    const { lastFinite, lr, options } = this;
    const before = lastFinite ? `; the last finite loss was ${lastFinite.loss} at step ${lastFinite.step}` : "";
    const lower =
      lr === null
        ? ""
        : `Try a lower learning rate than ${lr} (--set optimizer.lr=${Number((lr / 10).toPrecision(3))}). `;
    const others = [
      "check that the inputs are scaled and finite",
      options.checkFinite ? "" : "--check-finite names the first tensor that is not finite and its line",
      "--keep-going trains on regardless",
    ];
    const unwritten = options.save === undefined ? "" : ` ${options.save} was not written.`;
    return new UserError(
      "diverged",
      `training diverged: ${what}${before}`,
      `${lower}Otherwise: ${others.filter(Boolean).join("; ")}.${unwritten}`,
    );
  }
}

/** The text of the model or of a file that it imports; empty for the library's. */
function textOf(name: string, model: string): string {
  if (name === model) return readModel(model);
  const folder = model.slice(0, model.lastIndexOf("/") + 1);
  const content = name.startsWith(folder) ? importedFiles(model)(name.slice(folder.length)) : null;
  return content !== null && "text" in content ? content.text : "";
}

/** A value that is not finite, shown where the model computes it. */
function located(error: unknown, file: string, options: TrainOptions): unknown {
  if (!(error instanceof NonFiniteError)) return error;
  const { label, program, step, kernel } = error;
  const [, name, line, column] = /^(.*):(\d+):(\d+)$/.exec(error.place) ?? [];
  const text = textOf(name ?? "", file);
  const above = text.split("\n").slice(0, Number(line) - 1);
  const start = above.reduce((sum, { length }) => sum + length + 1, Number(column) - 1);
  const weights = options.init === undefined ? "" : `, or the weights in ${options.init}`;
  const where = `${kernel === null ? "declared" : "computed"} ${text === "" ? `at ${error.place}` : "here"} (${program})`;
  const diagnostic: Diagnostic = {
    severity: "error",
    code: "non-finite",
    message: `step ${step}: the first value that is not finite is in ${label}, ${where}`,
    span: text === "" ? null : { file: { name, text }, start, end: start + 1 },
    notes: [],
    help:
      kernel === null
        ? "the data hold it: correct them"
        : `look at what it is computed from: a logarithm or a division of 0, a square root of less, too high a learning rate${weights}`,
  };
  return new CompileError([diagnostic]);
}
