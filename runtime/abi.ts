/**
 * What the compiler and the runtime agree on: the manifest that travels with the kernels. The only file that both sides
 * import. Everything in it is JSON. Addresses are bytes in the module's one memory.
 */
export const ABI_VERSION = 3;

/**
 * A scalar that the runtime computes in float64 before each call: a number, a named host value, or an elementwise operation
 * of the IR applied to such. Booleans are 0 and 1.
 */
export type HostExpr = number | string | HostCall;
/** The operation's name, then its operands. */
export interface HostCall extends ReadonlyArray<HostExpr> {
  readonly 0: string;
}

/**
 * Host values: `n` samples of this batch; `step` updates done before this one (from 0); `epoch` (from 0);
 * `steps_per_epoch`, `epochs`, `total_steps` of the run, as far as they are known (else 0); `accumulated` samples of the
 * update's batches so far, where it takes several.
 */
export const HOST_VALUES = ["n", "step", "epoch", "steps_per_epoch", "epochs", "total_steps", "accumulated"] as const;
/** … and `<input>.bytes` for each input of floats: 1 if its samples are given as bytes, else 0. */
export type HostValue = (typeof HOST_VALUES)[number] | `${string}.bytes`;

/** How a tensor starts: a function of the seed and the tensor's name. */
export type Init =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "normal"; readonly mean: number; readonly std: number }
  /** The normal distribution between `low` and `high`. */
  | {
      readonly kind: "trunc_normal";
      readonly mean: number;
      readonly std: number;
      readonly low: number;
      readonly high: number;
    }
  /** `gain` times a matrix [first size, product of the others] with orthonormal rows, or columns if these are fewer. */
  | { readonly kind: "orthogonal"; readonly gain: number }
  /** 1 where output and input channel have the same number within a group, at the middle of the window; else 0. */
  | { readonly kind: "identity"; readonly groups: number }
  /** Normal, but for ⌈sparsity · rows⌉ zeros in each column. */
  | { readonly kind: "sparse"; readonly sparsity: number; readonly std: number }
  /** Standard normal, but for one row (along the first axis) of zeros. */
  | { readonly kind: "table"; readonly empty: number };

export interface ManifestInput {
  readonly name: string;
  readonly role: "input" | "target";
  /** In memory: floats (of `floatBytes`), or 4-byte integers. */
  readonly dtype: "f32" | "i32";
  /** Of one sample. Row-major, the sample axis first. */
  readonly shape: readonly number[];
  readonly classes?: number;
  readonly address: number;
  /** Where it is declared, when compiled to check for non-finite values. */
  readonly place?: string;
  /** Samples may be given as bytes, at the same address: this host value says whether they are. */
  readonly bytes?: `${string}.bytes`;
}

export interface ManifestTensor {
  readonly name: string;
  readonly kind: "param" | "buffer" | "state";
  readonly shape: readonly number[];
  readonly init: Init;
  readonly address: number;
  /** Of a state: the parameter or buffer whose average over the steps it is. */
  readonly averageOf?: string;
}

/**
 * What `evaluate` finds in a batch and leaves at `address`. Combined over the batches (the mean counts a batch once for each of
 * its samples) and put back there, it is what `summary` computes the results from, with `n` the number of all samples.
 */
export interface ManifestTotal {
  readonly name: string;
  readonly shape: readonly number[];
  readonly combine: "sum" | "mean" | "max";
  readonly address: number;
}

export interface ManifestProgram {
  readonly results: readonly {
    readonly name: string;
    readonly dtype: "f32" | "i32";
    readonly shape: readonly (number | "n")[];
    readonly address: number;
  }[];
  /** What each kernel call writes and where it comes from, when compiled to check for non-finite values. */
  readonly calls?: readonly { readonly kernel: string; readonly label: string; readonly place: string }[];
}

/** `data cifar10(split = train, eval = test)`: the source's name and its arguments as written. */
export interface ManifestData {
  readonly source: string;
  readonly args: Readonly<Record<string, string | number | boolean | readonly number[]>>;
}

/**
 * Addresses of 4-byte integers by which threads work together, each in a cache line of its own. They lie below all data.
 *
 * The barrier: how many threads have arrived, how often all have (threads wait for that to change), how many threads sleep.
 * `found`: a program's result, from the thread that looks for non-finite values. `failed`: not 0 once a thread has died.
 * `spin`: not 0 if the first thread must not sleep, as that of a page. `command`: counts calls; workers wait for it to change,
 * and then run the program of this number (-1: none, the end) on `n` samples. `taken`: how many pieces of a kernel's work, or
 * teams of samples, have been taken since the last barrier. `patience`: looks at the memory that a thread waits for before it
 * sleeps.
 */
export const CONTROL = {
  arrived: 64,
  generation: 128,
  sleepers: 192,
  found: 256,
  failed: 320,
  spin: 384,
  command: 448,
  program: 512,
  n: 516,
  taken: 576,
  patience: 640,
} as const;

/** A module for threads imports its memory. As it is, the memory is one thread's. */
export interface ManifestThreads {
  /** The most that may run a program together. */
  readonly most: number;
  /** Of the memory, of 64 KiB. */
  readonly pages: number;
  /** Where the module's bytes say what memory it imports: 1 is one thread's, 3 is shared. */
  readonly limits: number;
}

/** A buffer whose value is the mean of the program's result over the training data, each sample of the same weight. */
export interface ManifestMeasure {
  readonly tensor: string;
  readonly program: string;
}

/** What a program asks of the number of samples in a batch, beside being at most the model's. */
export interface ManifestRequirement {
  readonly program: string;
  /** Of `n` alone. */
  readonly condition: HostExpr;
  /** What is wrong where it does not hold, and where the model says so: `file:line:column`. */
  readonly message: string;
  readonly place: string;
}

export interface Manifest {
  readonly abi: number;
  readonly name: string;
  /** The most samples that one call takes. */
  readonly batch: number;
  readonly floatBytes: 4 | 8;
  readonly memoryBytes: number;
  readonly inputs: readonly ManifestInput[];
  readonly tensors: readonly ManifestTensor[];
  readonly totals: readonly ManifestTotal[];
  /** Written as floats before each call of any program. */
  readonly scalars: readonly { readonly address: number; readonly expr: HostExpr }[];
  /** Two 4-byte integers: the seed and the step, for the kernels' random generator. */
  readonly rng: number;
  /**
   * `train_step`, `evaluate`, `summary` and `forward`. Where an update takes several batches, `train_step` adds up the gradients
   * of one, and `update` does the rest.
   */
  readonly programs: Readonly<Record<string, ManifestProgram>>;
  /** WebAssembly alone: programs take the number of the thread and how many there are, beside the number of samples. */
  readonly threads?: ManifestThreads;
  /** The learning rate of a step, for reports. */
  readonly lr: HostExpr | null;
  readonly data: ManifestData | null;
  /** In this order: later ones may need earlier ones. */
  readonly measures?: readonly ManifestMeasure[];
  readonly requirements?: readonly ManifestRequirement[];
  readonly train: {
    readonly epochs: number;
    readonly shuffle: boolean;
    readonly seed?: number;
    readonly drop_last?: boolean;
    /** Batches of an update; 1 if absent. */
    readonly accumulate?: number;
  };
}

/** Compiled kernels, instantiated. */
export interface Engine {
  readonly memory: ArrayBuffer | SharedArrayBuffer;
  /** Runs a program on `n` samples; 0, or 1 + the index of the first call that wrote a non-finite value. */
  run(program: string, n: number): number;
  /** Has the kernels of a training step optimised in the background. */
  warmUp?(): void;
  /** Ends the threads that were started for it. */
  dispose?(): void;
}

/** The WebAssembly of the kernels for several threads. */
export interface KernelSource {
  /** The module, its bytes, or its address. */
  readonly wasm: WebAssembly.Module | Uint8Array | ArrayBuffer | URL;
  /** The script of the workers; the runtime has one for Node. */
  readonly worker?: URL;
}

/** A compiled module as the runtime takes it. */
export interface Executable {
  readonly manifest: Manifest;
  /** If several threads may run them. */
  readonly kernels?: KernelSource;
  /** For one thread. */
  instantiate(): Promise<Engine>;
}
