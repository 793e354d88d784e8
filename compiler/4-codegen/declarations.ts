/** The types of an artifact: the runtime's, made for one model. */
import type { Manifest, ManifestInput, ManifestProgram } from "../../runtime/abi.ts";

/** `f32[n, 3, 32, 32]`, `class[10]`. */
export function describeInput({ dtype, shape, classes }: ManifestInput): string {
  const sizes = ["n", ...shape].join(", ");
  return classes === undefined ? `${dtype}[${sizes}]` : `class[${classes}], shape [${sizes}]`;
}

export function declarationText(name: string, manifest: Manifest, wasm: boolean): string {
  const floats = manifest.floatBytes === 8 ? "Float64Array" : "Float32Array";
  return `/** Types of ${comment(name)}.js. Made by mlc; changes are lost when the model is compiled again. */
${dataTypes(manifest, floats)}
${resultTypes(manifest, floats)}
${optionTypes(wasm)}
${trainerType(manifest, floats)}
export declare const manifest: {
  readonly name: string;
  /** The most samples that one step takes. */
  readonly batch: number;
  readonly [key: string]: unknown;
};

${HELPERS}`;
}

/** Text from the model must not end a comment. */
function comment(text: string): string {
  return text.replaceAll("*/", "* /").replace(/\s+/g, " ");
}

function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function inputProperty(input: ManifestInput): string {
  const integers = "Uint8Array | Int32Array | readonly number[]";
  const floats = "Float32Array | Float64Array | readonly number[]";
  const bytes = input.bytes
    ? "; bytes (0 … 255) are scaled as the model says, by default to 0 … 1; floats are taken as they are"
    : "";
  const type = input.dtype === "i32" ? integers : input.bytes ? `Uint8Array | Uint8ClampedArray | ${floats}` : floats;
  return `  /** ${comment(describeInput(input))}${bytes}. */\n  readonly ${property(input.name)}: ${type};`;
}

function dataTypes({ inputs, batch }: Manifest, floats: string): string {
  const ofRole = (role: string) => inputs.filter((input) => input.role === role).map(inputProperty);
  return `
/** What a prediction takes: arrays of n samples, row-major, the sample axis first. */
export interface Inputs {
${ofRole("input").join("\n")}
}

/** What training takes: inputs and targets of n samples. A step takes 1 ≤ n ≤ ${batch}, the rest any number. */
export interface Batch extends Inputs {
${ofRole("target").join("\n")}
}

/** Labelled images under names of their own, as \`synthetic\` and \`parseCifar10\` give them. */
export interface Dataset {
  readonly length: number;
  readonly images: Uint8Array | Float32Array;
  readonly labels: Uint8Array | Int32Array | Float32Array;
  /** Of one image: channels, height, width. */
  readonly shape: readonly number[];
  readonly classes?: number;
  readonly names?: readonly string[];
}

/** The model's numbers. */
export type Floats = ${floats};
`;
}

function resultTypes({ programs }: Manifest, floats: string): string {
  const array = ({ name, dtype, shape }: ManifestProgram["results"][number]) => {
    const type = dtype === "i32" ? "Int32Array" : floats;
    return `  /** ${dtype}[${shape.join(", ")}] */\n  readonly ${property(name)}: ${type};`;
  };
  const metrics = programs.summary.results.map((result) =>
    result.shape.length === 0 ? `  readonly ${property(result.name)}: number;` : array(result),
  );
  const outputs = programs.forward.results.map(array);
  return `export interface StepResult {
  /** Of the update's samples, before it. NaN or infinite once training has diverged. */
  readonly loss: number;
  /** The learning rate of this step; null if the optimizer has none. */
  readonly lr: number | null;
  /** Samples of the update. */
  readonly n: number;
  /** Updates done, this one included. */
  readonly step: number;
}

export interface FitStep extends StepResult {
  /** From 1. */
  readonly epoch: number;
  /** Samples done of this epoch, this batch included, and samples of the dataset. */
  readonly done: number;
  readonly samples: number;
  /** Updates that the whole run will have done. */
  readonly totalSteps: number;
}

/** Of all samples: the loss, and each metric of the model. */
export interface Evaluation {
${metrics.join("\n")}
  readonly n: number;
}

export interface EpochResult {
  /** From 1. */
  readonly epoch: number;
  /** Mean and sum of the updates' losses, and how many updates there were. */
  readonly loss: number;
  readonly lossSum: number;
  readonly batches: number;
  /** Of the evaluation dataset, if there is one and the model has this metric. */
  readonly accuracy?: number;
  readonly evaluation?: Evaluation;
  /** Training alone. */
  readonly seconds: number;
}

export interface Prediction {
${outputs.join("\n")}
  readonly n: number;
}

/** Where the run stands. */
export interface Progress {
  readonly seed: number;
  /** Updates done. */
  readonly step: number;
  /** Epochs done. */
  readonly epoch: number;
  /** Samples done of the epoch that is under way, of how many, and the sum of its updates' losses. */
  readonly cursor: number;
  readonly samples: number;
  readonly lossSum: number;
  /** Batches done; of an update that takes several and is under way, its samples so far, and the sum of their losses. */
  readonly batches: number;
  readonly accumulated: number;
  readonly partialLoss: number;
  readonly shuffle: boolean;
}
`;
}

function optionTypes(wasm: boolean): string {
  const source = `
  /** The kernels, for hosts that fetch nothing: a module, its bytes, or its address. */
  readonly wasm?: WebAssembly.Module | Uint8Array | ArrayBuffer | URL;`;
  return `export interface TrainerOptions {
  /** Decides the initial weights, the order of the samples and all that is random in the model: 0 … 2^32 − 1. The default is the model's. */
  readonly seed?: number;
  /**
   * Threads that run the kernels (default 1); "auto" is one for each core, up to 8. The result has the same bits for any number.
   * Where there cannot be so many, \`Trainer.notes\` says why.
   */
  readonly threads?: "auto" | number;${wasm ? source : ""}
}

export interface FitOptions {
  /** How many epochs the run has in all: one that was stopped or loaded goes on from where it stands. */
  readonly epochs?: number;
  /** Ends the run after this many updates in all, if that comes first. */
  readonly steps?: number;
  /** Evaluated after each epoch, or after every \`evalEvery\`-th and the last. */
  readonly evalDataset?: Batch | Dataset;
  readonly evalEvery?: number;
  /** Ends the run between two steps, without an error; \`fit\` again goes on. */
  readonly signal?: AbortSignal;
  /** Draw the samples in a new order each epoch. The default is the model's. */
  readonly shuffle?: boolean;
  /** Leave out an epoch's last batch if it is smaller than the others. The default is the model's. */
  readonly dropLast?: boolean;
  /** Evaluate with the averages of the weights; the default, where the model keeps averages. */
  readonly averaged?: boolean;
  /** Called after each step, and awaited. */
  readonly onStep?: (step: FitStep) => void | Promise<void>;
}

export interface SaveOptions {
  /** Parameters and buffers alone, as for PyTorch's \`load_state_dict\`. */
  readonly weightsOnly?: boolean;
  /** With \`weightsOnly\`: the averages of the weights; the default, where the model keeps averages. */
  readonly averaged?: boolean;
}

export interface LookOptions {
  /** Use the averages of the weights; the default, where the model keeps averages. */
  readonly averaged?: boolean;
}

export interface LoadOptions {
  /** Take parameters and buffers alone, and start at step 0, also from a file that holds a whole training state. */
  readonly weightsOnly?: boolean;
  /** With \`weightsOnly\`, from a whole training state: the averages of the weights in their place, if it has them. */
  readonly averaged?: boolean;
  /** Take NaN and infinities as they are; else such a file is refused. */
  readonly allowNonFinite?: boolean;
}
`;
}

function trainerType({ tensors }: Manifest, floats: string): string {
  const names = tensors.map(({ name }) => JSON.stringify(name)).join(" | ") || "never";
  return `/** PyTorch's names; optimizer states are called after their parameter. */
export type TensorName = ${names};

export interface TensorView {
  readonly name: string;
  readonly kind: "param" | "buffer" | "state";
  readonly shape: readonly number[];
  /**
   * The trainer's own memory: it changes with each step, and may be written. On several threads it is shared memory. Once it has
   * been asked for, each call prepares the weights anew for its kernels, as they may have been written.
   */
  readonly data: ${floats};
}

export interface Trainer {
  readonly manifest: typeof manifest;
  /** Threads that run the kernels. */
  readonly threads: number;
  /** What the caller should know, such as an option without effect. */
  readonly notes: readonly string[];
  readonly progress: Progress;
  /** One update. */
  step(batch: Batch | Dataset): Promise<StepResult>;
  /** Trains until the run has \`epochs\` epochs; gives a result after each. */
  fit(data: Batch | Dataset, options?: FitOptions): AsyncGenerator<EpochResult, void, void>;
  /** Gives what the model computes from its training data its values; \`fit\` does it by itself. */
  measure(data: Inputs | Dataset): Promise<void>;
  /** Whether nothing is left to measure. */
  readonly measured: boolean;
  /** What the classes are called, where a dataset or the weights have told. */
  readonly classes: readonly string[] | null;
  /** Loss and metrics without training. */
  evaluate(data: Batch | Dataset, options?: LookOptions): Promise<Evaluation>;
  /** The model's output. */
  predict(data: Inputs | Dataset, options?: LookOptions): Promise<Prediction>;
  /** All that the run needs to go on as if it had not been stopped, as a safetensors file. */
  save(options?: SaveOptions): Promise<Uint8Array>;
  /** From \`save\`, or weights alone under the same names (as from PyTorch): then training starts at step 0. */
  load(bytes: Uint8Array | ArrayBuffer, options?: LoadOptions): Promise<void>;
  tensors(): TensorView[];
  parameters(): TensorView[];
  tensor(name: TensorName): TensorView;
  /** Ends the threads and lets go of the memory; the trainer cannot be used after. */
  dispose(): void;
}

export declare function createTrainer(options?: TrainerOptions): Promise<Trainer>;
`;
}

const HELPERS = `/** Drawn images of 10 classes, made on the spot: for first tries and tests. */
export declare function synthetic(options?: {
  /** Default 4096. */
  readonly length?: number;
  readonly seed?: number;
  readonly split?: "train" | "test";
  /** Channels, height, width of one image; default 3 × 32 × 32. */
  readonly shape?: readonly number[];
}): Dataset;

/** The official binary files of CIFAR-10. */
export declare function parseCifar10(files: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Dataset;

export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}
export declare function decodeSafetensors(file: Uint8Array): {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
};
export declare function encodeSafetensors(
  tensors: Iterable<{
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: Float32Array | Float64Array;
  }>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array;

/** What a trainer throws when the caller, the data or a file is at fault. */
export declare class TrainerError extends Error {
  readonly code: string;
}
/** A kernel wrote a value that is not finite, or was given one: then \`kernel\` is null (models compiled to check for it). */
export declare class NonFiniteError extends TrainerError {
  readonly label: string;
  readonly place: string;
  readonly kernel: string | null;
  readonly program: string;
  readonly step: number;
}
`;
