/** What goes into a trainer and what comes out of it. */
import type { ManifestTensor } from "./abi.ts";
import type { Columns, Dataset } from "./dataset.ts";

export interface TrainerOptions {
  /** Decides the initial weights, the order of the samples and all that is random in the model: 0 … 2^32 − 1. The default is the model's. */
  readonly seed?: number;
  /**
   * Threads that run the kernels (default 1); "auto" is one for each core, up to 8. The result has the same bits for any number.
   * Where there cannot be so many, `Trainer.notes` says why.
   */
  readonly threads?: "auto" | number;
}

export interface StepResult {
  /** Of the update's samples, before it. NaN or infinite once training has diverged. */
  readonly loss: number;
  /** The learning rate of this step; null if the optimizer has none. */
  readonly lr: number | null;
  /** Samples of the update: of one batch, or of several with `train { accumulate = … }`. */
  readonly n: number;
  /** Updates done, this one included. */
  readonly step: number;
}

export interface FitStep extends StepResult {
  /** From 1. */
  readonly epoch: number;
  /** Samples done of this epoch, this update's included, and samples of the dataset. */
  readonly done: number;
  readonly samples: number;
  /** Updates that the whole run will have done. */
  readonly totalSteps: number;
}

/** Of all samples: the loss, and each metric of the model (row-major, if it is more than one number). */
export interface Evaluation {
  readonly loss: number;
  readonly n: number;
  readonly [metric: string]: number | Values;
}

export interface EpochResult {
  /** From 1. */
  readonly epoch: number;
  /** Mean and sum of the updates' losses, and how many updates there were: one for each batch, unless they take several. */
  readonly loss: number;
  readonly lossSum: number;
  readonly batches: number;
  /** Of the evaluation dataset, if there is one and the model has this metric. */
  readonly accuracy?: number;
  readonly evaluation?: Evaluation;
  /** Training alone, without evaluation and pauses of the caller; of a resumed epoch, the part since then. */
  readonly seconds: number;
}

export interface FitOptions {
  /** How many epochs the run has in all: one that was stopped or loaded goes on from where it stands. */
  readonly epochs?: number;
  /** Ends the run after this many updates in all, if that comes first. */
  readonly steps?: number;
  /** Evaluated after each epoch, or after every `evalEvery`-th and the last. */
  readonly evalDataset?: Columns | Dataset;
  readonly evalEvery?: number;
  /** Ends the run between two steps, without an error; `fit` again goes on. */
  readonly signal?: AbortSignal;
  /** Draw the samples in a new order each epoch. The default is the model's. */
  readonly shuffle?: boolean;
  /** Leave out an epoch's last batch if it is smaller than the others. The default is the model's. */
  readonly dropLast?: boolean;
  /** Evaluate with the averages of the weights (`train { ema = … }`); the default, where the model keeps averages. */
  readonly averaged?: boolean;
  /** Called after each step, and awaited. */
  readonly onStep?: (step: FitStep) => void | Promise<void>;
}

export interface SaveOptions {
  /** Parameters and buffers alone, as for PyTorch's `load_state_dict`. */
  readonly weightsOnly?: boolean;
  /** With `weightsOnly`: the averages of the weights; the default, where the model keeps averages. */
  readonly averaged?: boolean;
}

export interface LookOptions {
  /** Use the averages of the weights (`train { ema = … }`); the default, where the model keeps averages. */
  readonly averaged?: boolean;
}

/** The model's output by name, for all samples, the sample axis first. */
export type Prediction = { readonly n: number } & Readonly<Record<string, Values | number>>;
export type Values = Float32Array | Float64Array | Int32Array;

export interface TensorView {
  readonly name: string;
  readonly kind: ManifestTensor["kind"];
  readonly shape: readonly number[];
  /**
   * The trainer's own memory: it changes with each step, and may be written. On several threads it is shared memory. Once it has
   * been asked for, each call prepares the weights anew for its kernels, as they may have been written.
   */
  readonly data: Float32Array | Float64Array;
}
