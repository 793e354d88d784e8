/** Training for whole epochs, from wherever the run stands. */
import type { EpochResult, FitOptions, FitStep } from "./api.ts";
import { TrainerError } from "./errors.ts";
import { breather } from "./events.ts";
import type { Bound } from "./feed.ts";
import type { Session } from "./session.ts";
import { permutation } from "./shuffle.ts";

/** The size of a run. */
interface Plan {
  readonly epochs: number;
  /** Updates of one epoch, and the samples in them. */
  readonly updates: number;
  readonly samples: number;
  /** Updates in all. */
  readonly steps: number;
}

export async function* trainEpochs(
  session: Session,
  data: Bound,
  evalData: Bound | null,
  options: FitOptions,
): AsyncGenerator<EpochResult, void, void> {
  const { progress, kernels } = session;
  const { signal } = options;
  const plan = makePlan(session, data.samples, options);
  session.expectSamples("train_step", plan.samples);
  resume(session, data.samples, options.shuffle);
  if (!session.learned.measured && !(await session.measure(data, signal))) return;
  kernels.host.steps_per_epoch = plan.updates;
  kernels.host.epochs = plan.epochs;
  // A limit of steps stops the run early; the schedule is that of the whole run.
  kernels.host.total_steps = plan.epochs * plan.updates;
  while (progress.epoch < plan.epochs && (progress.step < plan.steps || progress.cursor >= plan.samples)) {
    const start = performance.now();
    if (!(await trainEpoch(session, data, plan, options))) return;
    const seconds = (performance.now() - start) / 1000;
    const epoch = progress.epoch + 1;
    const due = epoch % (options.evalEvery ?? 1) === 0 || epoch === plan.epochs;
    const evaluation = evalData && due ? await session.evaluate(evalData, options.averaged ?? true, signal) : undefined;
    // Only now is the epoch done: a run that was stopped while it evaluated does that again when it goes on.
    if (evaluation === null) return;
    const { lossSum } = progress;
    progress.epoch = epoch;
    progress.cursor = 0;
    progress.lossSum = 0;
    const loss = lossSum / plan.updates;
    const accuracy = evaluation?.accuracy;
    const evaluated = evaluation && { ...(typeof accuracy === "number" && { accuracy }), evaluation };
    yield { epoch, loss, lossSum, batches: plan.updates, seconds, ...evaluated };
  }
}

/** True if the epoch is complete, false if the signal or the limit of steps ended it. */
async function trainEpoch(session: Session, data: Bound, plan: Plan, options: FitOptions): Promise<boolean> {
  const { progress, manifest } = session;
  const order = progress.shuffle ? permutation(data.samples, progress.seed, progress.epoch) : null;
  const pause = breather();
  while (progress.cursor < plan.samples) {
    if (options.signal?.aborted || progress.step >= plan.steps) return false;
    const n = Math.min(manifest.batch, plan.samples - progress.cursor);
    // What is left at the end of an epoch is an update too.
    const ends = progress.accumulated + n >= session.samplesOfUpdate || progress.cursor + n >= plan.samples;
    const result = session.batch(data, progress.cursor, n, order, ends);
    progress.cursor += n;
    progress.lossSum += result?.loss ?? 0;
    if (result && options.onStep) await options.onStep(describe(session, result, data, plan));
    await pause();
  }
  return true;
}

function describe(
  session: Session,
  result: Omit<FitStep, "epoch" | "done" | "samples" | "totalSteps">,
  data: Bound,
  plan: Plan,
): FitStep {
  const { epoch, cursor } = session.progress;
  return { ...result, epoch: epoch + 1, done: cursor, samples: data.samples, totalSteps: plan.steps };
}

function makePlan({ manifest }: Session, samples: number, options: FitOptions): Plan {
  const epochs = count("epochs", options.epochs ?? manifest.train.epochs);
  const limit = options.steps === undefined ? Infinity : count("steps", options.steps);
  const dropLast = options.dropLast ?? manifest.train.drop_last;
  const batches = dropLast ? Math.floor(samples / manifest.batch) : Math.ceil(samples / manifest.batch);
  if (batches === 0) {
    const found = `${samples} samples make no whole batch of ${manifest.batch}`;
    throw new TrainerError("dataset", `${found}, and dropLast leaves smaller ones out`);
  }
  const updates = Math.ceil(batches / (manifest.train.accumulate ?? 1));
  return {
    epochs,
    updates,
    samples: Math.min(samples, batches * manifest.batch),
    steps: Math.min(limit, epochs * updates),
  };
}

function count(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new TrainerError("options", `${name} must be a whole number, found ${value}`);
}

/** An epoch under way goes on with the data and the order it was begun with: else its result would be another. */
function resume({ progress }: Session, samples: number, shuffle: boolean | undefined): void {
  if (progress.cursor > 0) {
    const begun = `epoch ${progress.epoch + 1} stands at sample ${progress.cursor}, and was begun with`;
    if (samples !== progress.samples) {
      throw new TrainerError("dataset", `${begun} ${progress.samples} samples; this dataset has ${samples}`);
    }
    if (shuffle !== undefined && shuffle !== progress.shuffle) {
      throw new TrainerError("options", `${begun} shuffle = ${progress.shuffle}; it cannot be changed within an epoch`);
    }
  }
  progress.samples = samples;
  progress.shuffle = shuffle ?? progress.shuffle;
}
