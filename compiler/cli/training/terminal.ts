/** What a person sees of a run: facts at the start, a moving line, one line an epoch. */
import type { Evaluation, FitStep, Trainer } from "../../../runtime/index.ts";
import type { Io } from "../io.ts";
import { scalarTexts } from "../metrics.ts";
import { type Bar, openBar } from "../progress.ts";
import { byteSize, clock, counted, duration, facts, figure, thousands } from "../text.ts";
import type { TrainOptions } from "../train.ts";
import type { Best } from "./best.ts";

export interface Start {
  readonly file: string;
  readonly parameters: number;
  readonly data: string;
  /** Updates of an epoch. */
  readonly batches: number;
  readonly epochs: number;
}

interface EpochReport {
  readonly epoch: number;
  readonly loss: number;
  readonly lossSum: number;
  readonly seconds: number;
  readonly evaluation?: Evaluation;
}

export class TerminalReport {
  private bar: Bar | null = null;
  private epochs = 0;
  private started = performance.now();
  private firstStep = 0;
  /** Of the epoch under way, as far as it was seen. */
  private seen = { loss: 0, batches: 0, samples: 0, since: 0 };

  constructor(private readonly io: Io) {}

  begin(trainer: Trainer, options: TrainOptions, { file, parameters, data, batches, epochs }: Start): void {
    const { manifest, progress } = trainer;
    const { accumulate = 1 } = manifest.train;
    const batch = accumulate === 1 ? manifest.batch : `${accumulate} · ${manifest.batch}`;
    const order = manifest.train.shuffle && options.shuffle ? "shuffled" : "in order";
    this.io.stdout.write(
      facts([
        ["model", `${manifest.name} (${file})`],
        ["parameters", `${thousands(parameters)} in ${trainer.parameters().length} tensors`],
        ["memory", `${byteSize(manifest.memoryBytes)}, allocated once`],
        ["data", data],
        [
          "run",
          `${counted(epochs, "epoch")} of ${counted(batches, "step")}, batch ${batch}, ${order}, seed ${progress.seed}`,
        ],
        ["kernels", `${options.backend} ${options.precision}, ${counted(trainer.threads, "thread")}`],
        ...(progress.step > 0
          ? [["resumed", `after step ${progress.step}, in epoch ${progress.epoch + 1}`] as const]
          : []),
      ]),
    );
    this.epochs = epochs;
    this.firstStep = progress.step;
    this.started = performance.now();
    this.nextEpoch();
  }

  private nextEpoch(): void {
    this.seen = { loss: 0, batches: 0, samples: 0, since: performance.now() };
  }

  step({ step, epoch, loss, n, done, samples, totalSteps }: Omit<FitStep, "lr">): void {
    this.bar ??= openBar(this.io);
    const { seen } = this;
    seen.loss += loss;
    seen.batches++;
    seen.samples += n;
    const now = performance.now();
    const rate = (1000 * seen.samples) / (now - seen.since);
    const left = ((totalSteps - step) * (now - this.started)) / (step - this.firstStep) / 1000;
    const figures = [`loss ${figure(seen.loss / seen.batches)}`, `${thousands(rate)} images/s`, `ETA ${clock(left)}`];
    this.bar.update(done / samples, `epoch ${epoch}/${this.epochs}  ${figures.join("  ")}`);
  }

  epoch({ epoch, loss, lossSum, seconds, evaluation }: EpochReport): void {
    this.close();
    const rate = thousands(this.seen.samples / seconds);
    const figures = [
      `epoch ${epoch}/${this.epochs}`,
      `loss ${figure(loss)} (sum ${figure(lossSum)})`,
      ...(evaluation ? [`evaluation ${scalarTexts(evaluation).join("  ")}`] : []),
      duration(seconds),
      `${rate} images/s`,
    ];
    this.io.stdout.write(`${figures.filter(Boolean).join("  ")}\n`);
    this.nextEpoch();
  }

  end(saved: readonly string[], step: number, best: Best | null): void {
    this.close();
    if (best) this.io.stdout.write(`${best.isExhausted ? "stopped early: " : ""}best ${best.text}\n`);
    const { loss, batches } = this.seen;
    // An epoch that `--steps` cut short has had no line yet.
    if (batches > 0)
      this.io.stdout.write(
        `stopped after step ${step}  loss ${figure(loss / batches)} over the epoch's ${batches} steps\n`,
      );
    for (const path of saved) this.io.stdout.write(`saved ${path}\n`);
  }

  close(): void {
    this.bar?.close();
    this.bar = null;
  }
}
