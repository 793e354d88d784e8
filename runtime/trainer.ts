/** What an app holds: a compiled model that trains, evaluates, predicts, saves and resumes. */
import { ABI_VERSION, type Engine, type Executable, type Manifest, type ManifestTensor } from "./abi.ts";
import type {
  EpochResult,
  Evaluation,
  FitOptions,
  LookOptions,
  Prediction,
  SaveOptions,
  StepResult,
  TensorView,
  TrainerOptions,
} from "./api.ts";
import type { LoadOptions, Progress } from "./checkpoint.ts";
import type { Columns, Dataset } from "./dataset.ts";
import { suggestion, TrainerError } from "./errors.ts";
import type { Bound } from "./feed.ts";
import { trainEpochs } from "./fit.ts";
import { Kernels } from "./kernels.ts";
import { Session } from "./session.ts";
import { chooseThreads, startThreads } from "./threads.ts";

export async function createTrainer(executable: Executable, options: TrainerOptions = {}): Promise<Trainer> {
  const { manifest } = executable;
  const { seed = manifest.train.seed ?? 0, threads = 1 } = options;
  if (manifest.abi !== ABI_VERSION) {
    const versions = `version ${manifest.abi} of the runtime, and this is version ${ABI_VERSION}`;
    throw new TrainerError("artifact", `the model was compiled for ${versions}: compile it again`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new TrainerError("options", `the seed must be a whole number from 0 to 4294967295, found ${seed}`);
  }
  if (threads !== "auto" && !(Number.isInteger(threads) && threads >= 1)) {
    throw new TrainerError("options", `threads must be "auto" or a whole number from 1, found ${threads}`);
  }
  const choice = chooseThreads(threads, executable);
  const notes = choice.note === undefined ? [] : [choice.note];
  const begin = (engine: Engine): Session => {
    const session = new Session(new Kernels(manifest, engine), seed);
    // In this order: what draws the weights is optimised by the same threads of the engine.
    engine.warmUp?.();
    return session;
  };
  if (choice.threads > 1) {
    const team = await startThreads(executable.kernels!, manifest, choice.threads);
    // The weights are drawn while the workers start.
    const session = begin(team);
    const problem = await team.ready;
    if (problem === null) return new Trainer(session, { threads: choice.threads, notes });
    notes.push(`the kernels run on one thread: no others could be started (${problem})`);
  }
  return new Trainer(begin(await executable.instantiate()), { threads: 1, notes });
}

export class Trainer {
  readonly manifest: Manifest;
  /** Threads that run the kernels. */
  readonly threads: number;
  /** What the caller should know, such as an option without effect. */
  readonly notes: readonly string[];
  #session: Session | null;
  /** Reused, so that a step allocates nothing. */
  readonly #batch: Bound = { samples: 0, columns: [] };
  #fitting = false;

  constructor(session: Session, { threads, notes }: { readonly threads: number; readonly notes: readonly string[] }) {
    this.manifest = session.manifest;
    this.threads = threads;
    this.notes = notes;
    this.#session = session;
  }

  /** Where the run stands. */
  get progress(): Readonly<Progress> {
    return { ...this.#alive().progress };
  }

  /** One update, from at most `manifest.batch` samples; as many times as many with `train { accumulate = … }`. */
  async step(batch: Columns | Dataset): Promise<StepResult> {
    const session = this.#alive();
    const data = session.feed.bind(batch, true, this.#batch);
    if (session.progress.accumulated > 0) {
      throw new TrainerError("options", "fit was stopped within an update of several batches: end it with fit");
    }
    if (data.samples > session.samplesOfUpdate) {
      const limit = `the model was compiled for batches of at most ${session.samplesOfUpdate} samples`;
      throw new TrainerError("input", `${limit}, found ${data.samples}: use fit, or compile it for larger ones`);
    }
    return session.update(data);
  }

  /** Trains until the run has `epochs` epochs, in batches of `manifest.batch`; gives a result after each. */
  async *fit(data: Columns | Dataset, options: FitOptions = {}): AsyncGenerator<EpochResult, void, void> {
    const session = this.#alive();
    if (this.#fitting) throw new TrainerError("options", "fit is already running on this trainer");
    const { evalDataset } = options;
    const { names } = data as Dataset;
    if (names !== undefined) session.learned.classes = names;
    this.#fitting = true;
    try {
      yield* trainEpochs(session, bindAll(session, data), evalDataset ? bindAll(session, evalDataset) : null, options);
    } finally {
      this.#fitting = false;
    }
  }

  /**
   * Gives the buffers that the model computes from its training data (as `normalize` does without arguments) their values;
   * needs no targets. `fit` does it by itself, unless the weights loaded held them.
   */
  async measure(data: Columns | Dataset): Promise<void> {
    const session = this.#alive();
    await session.measure(session.feed.bind(data, false, { samples: 0, columns: [] }));
  }

  /** Whether nothing is left to measure. */
  get measured(): boolean {
    return this.#alive().learned.measured;
  }

  /** What the classes are called, where a dataset or the weights have told. */
  get classes(): readonly string[] | null {
    return this.#alive().learned.classes;
  }

  /** Loss and metrics without training: dropout is off, batch norms use their running statistics. */
  async evaluate(data: Columns | Dataset, { averaged = true }: LookOptions = {}): Promise<Evaluation> {
    const session = this.#alive();
    return (await session.evaluate(bindAll(session, data), averaged))!;
  }

  /** The model's output for any number of samples. Targets are not needed. */
  async predict(data: Columns | Dataset, { averaged = true }: LookOptions = {}): Promise<Prediction> {
    const session = this.#alive();
    return session.predict(session.feed.bind(data, false, { samples: 0, columns: [] }), averaged);
  }

  /** All that the run needs to go on as if it had not been stopped, as a safetensors file. */
  async save(options: SaveOptions = {}): Promise<Uint8Array> {
    return this.#alive().save(options.weightsOnly ?? false, options.averaged ?? true);
  }

  /** From `save`, or weights alone under the same names (as from PyTorch): then training starts at step 0. */
  async load(bytes: Uint8Array | ArrayBuffer, options: LoadOptions = {}): Promise<void> {
    this.#alive().load("buffer" in bytes ? bytes : new Uint8Array(bytes), options);
  }

  /** Parameters, buffers and optimizer states. */
  tensors(): TensorView[] {
    return this.manifest.tensors.map((tensor) => this.#view(tensor));
  }
  parameters(): TensorView[] {
    return this.tensors().filter((tensor) => tensor.kind === "param");
  }
  tensor(name: string): TensorView {
    const { tensors } = this.manifest;
    const found = tensors.find((tensor) => tensor.name === name);
    if (found) return this.#view(found);
    const near = suggestion(
      name,
      tensors.map((tensor) => tensor.name),
    );
    throw new TrainerError("input", `the model has no tensor "${name}"${near}`);
  }

  /** Ends the threads and lets go of the memory; the trainer cannot be used after. */
  dispose(): void {
    this.#session?.kernels.engine.dispose?.();
    this.#session = null;
  }

  #alive(): Session {
    if (this.#session) return this.#session;
    throw new TrainerError("disposed", "this trainer was disposed of: create another");
  }

  #view(tensor: ManifestTensor): TensorView {
    const { name, kind, shape } = tensor;
    const { kernels } = this.#alive();
    return {
      name,
      kind,
      shape,
      get data() {
        return kernels.view(tensor, true);
      },
    };
  }
}

function bindAll(session: Session, data: Columns | Dataset): Bound {
  return session.feed.bind(data, true, { samples: 0, columns: [] });
}
