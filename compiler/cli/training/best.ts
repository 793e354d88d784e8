/** `--save-best` and `--patience`: the best evaluation so far, and the weights that gave it. */
import { existsSync } from "node:fs";
import {
  decodeSafetensors,
  type Evaluation,
  encodeSafetensors,
  type Trainer,
  toNumbers,
} from "../../../runtime/index.ts";
import { UsageError } from "../errors.ts";
import { readBytes, writeAtomically } from "../files.ts";
import { figure } from "../text.ts";
import type { TrainOptions } from "../train.ts";

interface Mark {
  readonly value: number;
  readonly epoch: number;
}

const METRIC = "mlc.best.metric";
const VALUE = "mlc.best.value";
const EPOCH = "mlc.best.epoch";

/** Smaller is better. */
const ERRORS = /loss|error|^(mse|mae|l1|smooth_l1|huber|nll|bce|kl_div)/;

export class Best {
  private mark: Mark | null = null;
  /** Evaluations since the best one. */
  private waited = 0;
  private readonly name: string;
  private readonly sign: 1 | -1;

  /** `resumed`: the run goes on, and the file may hold the best of the part before. */
  constructor(
    private readonly trainer: Trainer,
    private readonly options: TrainOptions,
    resumed: boolean,
  ) {
    const known = trainer.manifest.programs.summary.results.filter(({ shape }) => shape.length === 0);
    const names = known.map(({ name }) => name);
    const asked = options.metric ?? (names.includes("accuracy") ? "accuracy" : "loss");
    const [, name, direction] = /^(.*?)(?::(min|max))?$/.exec(asked)!;
    if (!names.includes(name)) {
      throw new UsageError(`--metric: the model has no metric ${name}`, `It has ${names.join(", ")}.`);
    }
    this.name = name;
    this.sign = (direction ?? (ERRORS.test(name) ? "min" : "max")) === "max" ? 1 : -1;
    const { saveBest, evalEvery = 1 } = options;
    if (resumed && saveBest !== undefined && existsSync(saveBest)) this.mark = this.read(saveBest);
    if (this.mark !== null) this.waited = Math.floor((trainer.progress.epoch - this.mark.epoch) / evalEvery);
  }

  /** Writes the weights if this evaluation is the best so far. */
  async see(epoch: number, evaluation: Evaluation): Promise<void> {
    const value = evaluation[this.name] as number;
    if (this.mark !== null && !(this.sign * value > this.sign * this.mark.value)) {
      this.waited++;
      return;
    }
    if (Number.isNaN(value)) return;
    this.mark = { value, epoch };
    this.waited = 0;
    const { saveBest, average } = this.options;
    if (saveBest === undefined) return;
    const file = decodeSafetensors(await this.trainer.save({ weightsOnly: true, averaged: average }));
    const tensors = [...file.tensors].map(([name, tensor]) => {
      return { name, shape: tensor.shape, data: toNumbers(tensor, name) };
    });
    const facts = { [METRIC]: this.name, [VALUE]: String(value), [EPOCH]: String(epoch) };
    await writeAtomically(saveBest, encodeSafetensors(tensors, { ...file.metadata, ...facts }));
  }

  /** Whether the run should end, as `--patience` says. */
  get isExhausted(): boolean {
    return this.options.patience !== undefined && this.waited >= this.options.patience;
  }

  /** `accuracy 0.7451 after epoch 7` */
  get text(): string {
    return this.mark === null ? "none" : `${this.name} ${figure(this.mark.value)} after epoch ${this.mark.epoch}`;
  }

  private read(path: string): Mark | null {
    const { metadata } = decodeSafetensors(readBytes(path));
    if (metadata[METRIC] !== this.name || metadata[VALUE] === undefined) return null;
    return { value: Number(metadata[VALUE]), epoch: Number(metadata[EPOCH]) };
  }
}
