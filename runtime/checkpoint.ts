/** Training state as a safetensors file: tensors under PyTorch's names, and where the run stands in the metadata. */
import type { Manifest, ManifestTensor } from "./abi.ts";
import { suggestion, TrainerError } from "./errors.ts";
import { floatsAt, type Memory } from "./memory.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor, toNumbers } from "./safetensors.ts";

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
  const whole = !options.weightsOnly && `${PREFIX}step` in file.metadata;
  // Weights from elsewhere need not hold what can be measured again.
  const measures = [...measuredTensors(manifest)];
  const measured = measures.length === 0 || measures.some((name) => file.tensors.has(name));
  const wanted = manifest.tensors.filter(
    ({ kind, name }) => (whole || kind !== "state") && (measured || !measures.includes(name)),
  );
  checkFit(file.tensors, wanted, manifest, whole);
  const values = wanted.map((tensor) => {
    const average = options.averaged && !whole ? file.tensors.get(`${tensor.name}@average`) : undefined;
    const numbers = toNumbers(average ?? file.tensors.get(tensor.name)!, tensor.name);
    return { tensor, data: manifest.floatBytes === 8 ? Float64Array.from(numbers) : Float32Array.from(numbers) };
  });
  if (!options.allowNonFinite) checkFinite(values);
  const progress = whole ? readProgress(file.metadata) : null;
  return { values, progress, measured, classes: readClasses(file.metadata) };
}

/** All that is wrong, in one message. */
function checkFit(
  stored: ReadonlyMap<string, StoredTensor>,
  wanted: readonly ManifestTensor[],
  manifest: Manifest,
  whole: boolean,
): void {
  const names = new Set(wanted.map((tensor) => tensor.name));
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const { name, shape } of wanted) {
    const found = stored.get(name);
    if (!found) missing.push(`${name} ${list(shape)}`);
    else if (list(found.shape) !== list(shape)) {
      misshapen.push(`${name} is ${list(found.shape)} in the file and ${list(shape)} in the model`);
    }
  }
  // PyTorch's batch norms count their batches; nothing depends on it. A training state has the optimizer's tensors too.
  const ignored = (name: string) =>
    name.endsWith(".num_batches_tracked") ||
    (!whole && wanted.some((tensor) => name.startsWith(tensor.name) && /[.@]/.test(name[tensor.name.length])));
  const surplus = [...stored]
    .filter(([name]) => !names.has(name) && !ignored(name))
    .map(([name, { shape }]) => `${name} ${list(shape)}${suggestion(name, names)}`);
  const problems = [
    ...lines("missing", missing),
    ...lines("not in the model", surplus),
    ...lines("of another shape", misshapen),
  ];
  if (problems.length > 0) {
    throw new TrainerError("weights", `the file does not fit the model "${manifest.name}":\n${problems.join("\n")}`);
  }
}

function list(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

function lines(what: string, items: readonly string[], most = 12): string[] {
  const shown = items.slice(0, most).map((item) => `  ${what}: ${item}`);
  return items.length > most ? [...shown, `  ${what}: ${items.length - most} more`] : shown;
}

function checkFinite(values: Loaded["values"]): void {
  const problems: string[] = [];
  for (const { tensor, data } of values) {
    const first = data.findIndex((value) => !Number.isFinite(value));
    if (first >= 0) problems.push(`${tensor.name}[${first}] is ${data[first]}`);
  }
  if (problems.length > 0) {
    const message = `the file holds values that are not finite:\n${lines("first of a tensor", problems).join("\n")}`;
    throw new TrainerError("weights", `${message}\ntake an earlier one, or load it with allowNonFinite`);
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

function readProgress(metadata: Readonly<Record<string, string>>): Progress {
  const count = (key: string) => {
    const text = metadata[PREFIX + key];
    if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
    throw new TrainerError("weights", `the metadata ${PREFIX}${key} must be a count, found "${text}"`);
  };
  return {
    seed: count("seed"),
    step: count("step"),
    epoch: count("epoch"),
    cursor: count("cursor"),
    samples: count("samples"),
    lossSum: Number(metadata[`${PREFIX}lossSum`]),
    batches: count("batches"),
    accumulated: count("accumulated"),
    partialLoss: Number(metadata[`${PREFIX}partialLoss`]),
    shuffle: metadata[`${PREFIX}shuffle`] === "true",
  };
}
