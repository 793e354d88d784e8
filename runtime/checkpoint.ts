/** Training state as a safetensors file: tensors under PyTorch's names, and where the run stands in the metadata. */
import type { Manifest, ManifestTensor } from "./abi.ts";
import { suggestion, TrainerError } from "./errors.ts";
import { floatsAt, type Memory } from "./memory.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor, show, toNumbers } from "./safetensors.ts";

/** Where a run stands: with the tensors and the data, all that decides how it goes on. */
export interface Progress {
  seed: number;
  /** Updates done. */
  step: number;
  /** Epochs done. */
  epoch: number;
  /** Samples done of the epoch that is under way, of how many, and the sum of its updates' losses. */
  cursor: number;
  samples: number;
  lossSum: number;
  /** Batches done; of an update that takes several and is under way, its samples so far, and the sum of their losses. */
  batches: number;
  accumulated: number;
  partialLoss: number;
  shuffle: boolean;
}

export interface LoadOptions {
  /** Take parameters and buffers alone, and start at step 0, also from a file that holds a whole training state. */
  readonly weightsOnly?: boolean;
  /** With `weightsOnly`, from a whole training state: the averages of the weights in their place, if it has them. */
  readonly averaged?: boolean;
  /** Take NaN and infinities as they are; else such a file is refused. */
  readonly allowNonFinite?: boolean;
}

const PREFIX = "mlc.";

/** What the training data left behind: whether measured buffers have their values, and what the classes are called. */
export interface Learned {
  measured: boolean;
  classes: readonly string[] | null;
}

export function encodeCheckpoint(
  manifest: Manifest,
  memory: Memory,
  { measured, classes }: Learned,
  progress: Progress | null,
): Uint8Array {
  const unknown = measured ? new Set() : measuredTensors(manifest);
  const tensors = manifest.tensors
    .filter((tensor) => (progress !== null || tensor.kind !== "state") && !unknown.has(tensor.name))
    .map(({ name, shape, address }) => ({ name, shape, data: floatsAt(memory, address, shape) }));
  const metadata: Record<string, string> = { format: "pt", [`${PREFIX}model`]: manifest.name };
  if (classes !== null) metadata[`${PREFIX}classes`] = JSON.stringify(classes);
  for (const [key, value] of Object.entries(progress ?? {})) metadata[PREFIX + key] = String(value);
  return encodeSafetensors(tensors, metadata);
}

function measuredTensors({ measures = [] }: Manifest): ReadonlySet<string> {
  return new Set(measures.map(({ tensor }) => tensor));
}

export interface Loaded extends Learned {
  readonly values: readonly { readonly tensor: ManifestTensor; readonly data: Float32Array | Float64Array }[];
  /** Null if the file holds weights alone. */
  readonly progress: Progress | null;
}

/** Reads and checks the whole file before anything is changed. */
export function decodeCheckpoint(bytes: Uint8Array, manifest: Manifest, options: LoadOptions): Loaded {
  const file = decodeSafetensors(bytes);
  const holdsState = `${PREFIX}step` in file.metadata;
  const whole = !options.weightsOnly && holdsState;
  // Weights from elsewhere need not hold what can be measured again.
  const measures = [...measuredTensors(manifest)];
  const measured = measures.length === 0 || measures.some((name) => file.tensors.has(name));
  const wanted = manifest.tensors.filter(
    ({ kind, name }) => (whole || kind !== "state") && (measured || !measures.includes(name)),
  );
  checkFit(file.tensors, wanted, manifest, holdsState && !whole);
  const values = wanted.map((tensor) => {
    const average = options.averaged && !whole ? file.tensors.get(`${tensor.name}@average`) : undefined;
    const numbers = toNumbers(average ?? file.tensors.get(tensor.name)!, tensor.name);
    return { tensor, data: manifest.floatBytes === 8 ? Float64Array.from(numbers) : Float32Array.from(numbers) };
  });
  if (!options.allowNonFinite) checkFinite(values);
  const progress = whole ? readProgress(file.metadata, manifest) : null;
  return { values, progress, measured, classes: readClasses(file.metadata) };
}

/** All that is wrong, in one message. A training state of which only the weights are taken may have further tensors. */
function checkFit(
  stored: ReadonlyMap<string, StoredTensor>,
  wanted: readonly ManifestTensor[],
  manifest: Manifest,
  ignoresState: boolean,
): void {
  const names = new Set(wanted.map((tensor) => tensor.name));
  const missing: string[] = [];
  const misshapen: string[] = [];
  const mistyped: string[] = [];
  for (const { name, shape } of wanted) {
    const found = stored.get(name);
    if (!found) missing.push(`${name} ${list(shape)}`);
    else if (list(found.shape) !== list(shape)) {
      misshapen.push(`${name} is ${list(found.shape)} in the file and ${list(shape)} in the model`);
    } else if (!/^B?F/.test(found.dtype)) mistyped.push(`${name} is ${found.dtype} in the file`);
  }
  // PyTorch's batch norms count their batches; nothing depends on it. The optimizer's tensors begin with a parameter's name.
  const ignored = (name: string) =>
    name.endsWith(".num_batches_tracked") ||
    (ignoresState && wanted.some((tensor) => name.startsWith(tensor.name) && /[.@]/.test(name[tensor.name.length])));
  const surplus = [...stored]
    .filter(([name]) => !names.has(name) && !ignored(name))
    .map(([name, { shape }], i) => `${plain(name)} ${list(shape)}${i < SHOWN ? suggestion(name, names) : ""}`);
  const problems = [
    ...lines("missing", missing),
    ...lines("not in the model", surplus),
    ...lines("of another shape", misshapen),
    ...lines("not floating-point", mistyped),
  ];
  if (problems.length > 0) {
    throw new TrainerError("weights", `the file does not fit the model "${manifest.name}":\n${problems.join("\n")}`);
  }
}

function list(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** A name as it is, or in quotes where it is none that a model could have. */
function plain(name: string): string {
  return /^[\w.@-]{1,80}$/.test(name) ? name : show(name);
}

/** Lines of one kind in a message. */
const SHOWN = 12;

function lines(what: string, items: readonly string[]): string[] {
  const shown = items.slice(0, SHOWN).map((item) => `  ${what}: ${item}`);
  return items.length > SHOWN ? [...shown, `  ${what}: ${items.length - SHOWN} more`] : shown;
}

function checkFinite(values: Loaded["values"]): void {
  const problems: string[] = [];
  for (const { tensor, data } of values) {
    const first = data.findIndex((value) => !Number.isFinite(value));
    if (first >= 0) problems.push(`${tensor.name}[${first}] is ${data[first]}`);
  }
  if (problems.length > 0) {
    const message = `the file holds values that are not finite:\n${lines("first of a tensor", problems).join("\n")}`;
    throw new TrainerError("non-finite", `${message}\ntake an earlier one (allowNonFinite loads it all the same)`);
  }
}

function readClasses(metadata: Readonly<Record<string, string>>): readonly string[] | null {
  const text = metadata[`${PREFIX}classes`];
  if (text === undefined) return null;
  try {
    const names: unknown = JSON.parse(text);
    if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  } catch {
    // Told below, as any other text that is no list.
  }
  throw new TrainerError("weights", `the metadata ${PREFIX}classes must be a list of names, found ${text}`);
}

function readProgress(metadata: Readonly<Record<string, string>>, { batch, train }: Manifest): Progress {
  const read = (key: string, what: string, fits: (text: string) => boolean): string => {
    const text = metadata[PREFIX + key];
    if (text !== undefined && fits(text)) return text;
    const found = text === undefined ? "nothing" : show(text);
    throw new TrainerError("weights", `the metadata ${PREFIX}${key} must be ${what}, found ${found}`);
  };
  const count = (key: string, most = Number.MAX_SAFE_INTEGER): number => {
    const what = most === Number.MAX_SAFE_INTEGER ? "a count" : `a count of at most ${most}`;
    return Number(read(key, what, (text) => /^\d+$/.test(text) && Number(text) <= most));
  };
  // A run that goes on without finite losses has no finite sums.
  const sum = (key: string): number =>
    Number(read(key, "a number", (text) => text === "NaN" || (text !== "" && !Number.isNaN(Number(text)))));
  const samples = count("samples");
  return {
    seed: count("seed", 0xffffffff),
    step: count("step"),
    epoch: count("epoch"),
    cursor: count("cursor", samples),
    samples,
    lossSum: sum("lossSum"),
    batches: count("batches"),
    accumulated: count("accumulated", batch * ((train.accumulate ?? 1) - 1)),
    partialLoss: sum("partialLoss"),
    shuffle: read("shuffle", "true or false", (text) => text === "true" || text === "false") === "true",
  };
}
