/** The data that a model names, as datasets in memory that fit its inputs. */
import type { Manifest, ManifestInput } from "../../../runtime/abi.ts";
import { CIFAR10_CLASSES, type Dataset, synthetic } from "../../../runtime/index.ts";
import { UserError } from "../errors.ts";
import { thousands } from "../text.ts";
import { type LocateOptions, locateCifar10, readVerified } from "./cifar10.ts";
import { CIFAR10, type DataFile, filesOf, RECORD_BYTES } from "./cifar10-files.ts";

type Split = "train" | "test";

export interface Datasets {
  /** Absent where only evaluation was asked for. */
  readonly training: Dataset | null;
  readonly evaluation: Dataset;
  /** For people: `cifar10: 50,000 training images (train), 10,000 evaluation images (test)`. */
  readonly title: string;
}

interface Wanted {
  readonly manifest: Manifest;
  readonly args: Readonly<Record<string, unknown>>;
  readonly options: LocateOptions;
}

type Load = (split: Split, training: boolean) => Promise<Dataset>;

const SOURCES: Readonly<Record<string, (wanted: Wanted, splits: readonly Split[]) => Promise<Load>>> = {
  cifar10: async ({ options }, splits) => {
    const directory = await locateCifar10(
      [...new Set(splits)].flatMap((split) => filesOf(CIFAR10, split)),
      options,
    );
    return async (split) => readCifar10(directory, filesOf(CIFAR10, split));
  },
  synthetic: async ({ manifest, args }) => {
    const { size = 4096, eval_size = 1024, seed = 0 } = args as { size?: number; eval_size?: number; seed?: number };
    const shape = onlyInput(manifest).shape;
    if (shape.length !== 3) throw misfit(manifest, "synthetic", "draws images of [channels, height, width]");
    return async (split, training) => synthetic({ split, seed, shape, length: training ? size : eval_size });
  },
};

/** Opens the splits that training and evaluation need, or evaluation alone. */
export async function openData(manifest: Manifest, options: LocateOptions, training: boolean): Promise<Datasets> {
  const { data } = manifest;
  if (data === null) {
    const help = "Add a clause such as `data cifar10(split = train, eval = test)` or `data synthetic()`.";
    throw new UserError("no-data", `the model ${manifest.name} has no \`data\` clause: there is nothing to read`, help);
  }
  const open = SOURCES[data.source];
  if (open === undefined) {
    const known = Object.keys(SOURCES).join(" and ");
    throw new UserError("data-source", `the command line cannot read \`data ${data.source}\``, `It reads ${known}.`);
  }
  const { split = "train", eval: evalSplit = "test" } = data.args as { split?: Split; eval?: Split };
  const load = await open({ manifest, args: data.args, options }, training ? [split, evalSplit] : [evalSplit]);
  const trained = training ? await load(split, true) : null;
  // One copy in memory where both are the same images.
  const same = trained !== null && data.source === "cifar10" && split === evalSplit;
  const evaluation = same ? trained : await load(evalSplit, false);
  checkFit(manifest, data.source, evaluation);
  const parts = [trained && `${thousands(trained.length)} training images (${split})`];
  parts.push(`${thousands(evaluation.length)} evaluation images (${evalSplit})`);
  return { training: trained, evaluation, title: `${data.source}: ${parts.filter(Boolean).join(", ")}` };
}

/** File by file through one buffer, so that little lies in memory beside the images. */
function readCifar10(directory: string, files: readonly DataFile[]): Dataset {
  const length = files.reduce((sum, file) => sum + file.bytes / RECORD_BYTES, 0);
  const size = RECORD_BYTES - 1;
  const images = new Uint8Array(length * size);
  const labels = new Uint8Array(length);
  const buffer = Buffer.allocUnsafe(files[0].bytes);
  let image = 0;
  for (const file of files) {
    const records = readVerified(directory, file, buffer);
    for (let at = 0; at < records.length; at += RECORD_BYTES, image++) {
      labels[image] = records[at];
      images.set(records.subarray(at + 1, at + RECORD_BYTES), image * size);
    }
  }
  return { length, images, labels, shape: [3, 32, 32], classes: CIFAR10_CLASSES.length, names: CIFAR10_CLASSES };
}

function onlyInput(manifest: Manifest): ManifestInput {
  const inputs = manifest.inputs.filter((input) => input.role === "input");
  if (inputs.length === 1) return inputs[0];
  throw misfit(manifest, manifest.data!.source, "gives each sample one image");
}

/** Images of the model's shape, labels that the target can be. */
function checkFit(manifest: Manifest, source: string, { shape, classes = 0 }: Dataset): void {
  const input = onlyInput(manifest);
  if (input.dtype !== "f32" || input.shape.join() !== shape.join()) {
    throw misfit(manifest, source, `has images f32[${shape.join(", ")}]`);
  }
  const targets = manifest.inputs.filter(({ role }) => role === "target");
  if (targets.length > 1) throw misfit(manifest, source, "gives each sample one label");
  for (const target of targets) {
    const size = target.shape.reduce((a, b) => a * b, 1);
    if (size !== 1 || (target.classes ?? classes) < classes) {
      throw misfit(manifest, source, `gives each sample one label, class[${classes}]`);
    }
  }
}

function misfit(manifest: Manifest, source: string, what: string): UserError {
  const declared = manifest.inputs.map(({ role, name, dtype, shape, classes }) => {
    return `\`${role} ${name}: ${classes === undefined ? `${dtype}[${shape.join(", ")}]` : `class[${classes}]`}\``;
  });
  return new UserError(
    "data-misfit",
    `\`data ${source}\` ${what}; the model declares ${declared.join(", ")}`,
    "Change the declaration, or the data.",
  );
}
