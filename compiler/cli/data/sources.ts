/** The data sources of the command line: each reads the samples to train on, and those to evaluate on. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { Manifest, ManifestInput } from "../../../runtime/abi.ts";
import { CIFAR10_CLASSES, synthetic } from "../../../runtime/index.ts";
import { UserError } from "../errors.ts";
import { openArrays } from "./arrays.ts";
import { type LocateOptions, locateCifar, readSplit } from "./cifar.ts";
import { CIFAR10, CIFAR100, type CifarFiles, filesOf } from "./cifar-files.ts";
import { CIFAR100_COARSE, CIFAR100_FINE } from "./cifar-names.ts";
import { classesIn, openFolder, type PictureSize } from "./image-folder.ts";
import { datasetSamples, type Samples } from "./samples.ts";

export type Part = "training" | "evaluation";

export interface Wanted {
  readonly manifest: Manifest;
  readonly options: OpenOptions;
  readonly parts: readonly Part[];
}

export interface OpenOptions extends LocateOptions {
  /** The model's file: paths in it are looked up from its folder. */
  readonly model?: string;
}

export interface Opened {
  /** Null where the model names none. */
  read(part: Part): Promise<Samples | null>;
  /** What a part is called: `train`, `photos/val`. */
  title(part: Part): string;
}

type Split = "train" | "test";

export const SOURCES: Readonly<Record<string, (wanted: Wanted) => Promise<Opened>>> = {
  cifar10: (wanted) => openCifar(CIFAR10, CIFAR10_CLASSES, 0, wanted),
  cifar100: (wanted) =>
    wanted.manifest.data!.args.labels === "coarse"
      ? openCifar(CIFAR100, CIFAR100_COARSE, 0, wanted)
      : openCifar(CIFAR100, CIFAR100_FINE, 1, wanted),
  image_folder: openPictures,
  npy: openNpy,
  synthetic: openSynthetic,
};

const splitsOf = ({ data }: Manifest): Record<Part, Split> => {
  const { split = "train", eval: evaluation = "test" } = data!.args as { split?: Split; eval?: Split };
  return { training: split, evaluation };
};

async function openCifar(
  cifar: CifarFiles,
  names: readonly string[],
  labelAt: number,
  { manifest, options, parts }: Wanted,
): Promise<Opened> {
  const splits = splitsOf(manifest);
  const files = [...new Set(parts.map((part) => splits[part]))].flatMap((split) => filesOf(cifar, split));
  const directory = await locateCifar(cifar, files, options);
  const known = new Map<Split, Samples>();
  return {
    title: (part) => splits[part],
    read: async (part) => {
      const split = splits[part];
      // One copy in memory where both are the same images.
      const samples = known.get(split) ?? datasetSamples(readSplit(cifar, directory, split, labelAt, names));
      known.set(split, samples);
      return samples;
    },
  };
}

async function openSynthetic({ manifest }: Wanted): Promise<Opened> {
  const args = manifest.data!.args as { size?: number; eval_size?: number; seed?: number };
  const { size = 4096, eval_size = 1024, seed = 0 } = args;
  const { shape } = onlyInput(manifest);
  if (shape.length !== 3) throw misfit(manifest, "draws images of [channels, height, width]");
  const splits = splitsOf(manifest);
  return {
    title: (part) => splits[part],
    read: async (part) => {
      const length = part === "training" ? size : eval_size;
      return datasetSamples(synthetic({ split: splits[part], seed, shape, length }));
    },
  };
}

async function openPictures({ manifest, options }: Wanted): Promise<Opened> {
  const args = manifest.data!.args as { path: string; eval?: string };
  const size = pictureSize(manifest);
  const folder = located(args.path, options);
  const classes = classesIn(folder);
  const folders = { training: folder, evaluation: args.eval === undefined ? null : located(args.eval, options) };
  return {
    title: (part) => folders[part] ?? "",
    read: async (part) => (folders[part] === null ? null : openFolder(folders[part], classes, size, options)),
  };
}

/** What the classes of the model's data are called; null where that is not known. */
export function classNames(manifest: Manifest, options: OpenOptions): readonly string[] | null {
  if (manifest.data === null) return null;
  const { source, args } = manifest.data;
  if (source === "cifar10") return CIFAR10_CLASSES;
  if (source === "cifar100") return args.labels === "coarse" ? CIFAR100_COARSE : CIFAR100_FINE;
  if (source === "synthetic") return synthetic({ length: 1, shape: [1, 1, 1] }).names!;
  if (source !== "image_folder") return null;
  try {
    return classesIn(located(args.path as string, options));
  } catch {
    // Pictures can be looked at where the training data are not.
    return null;
  }
}

/** Of the pictures that the model's input takes, which the argument `size` must agree with. */
export function pictureSize(manifest: Manifest): PictureSize {
  const { shape } = onlyInput(manifest);
  const [channels, height, width] = shape;
  type Args = { size?: number | readonly number[]; fit?: PictureSize["fit"] };
  const { size, fit = "stretch" } = (manifest.data?.source === "image_folder" ? manifest.data.args : {}) as Args;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3)) {
    throw misfit(manifest, "gives pictures f32[3, height, width], or f32[1, height, width] of grey");
  }
  const wanted = size === undefined ? [height, width] : typeof size === "number" ? [size, size] : size;
  if (wanted[0] !== height || wanted[1] !== width) {
    throw misfit(
      manifest,
      `with size = ${wanted[0] === wanted[1] ? wanted[0] : `[${wanted}]`} gives pictures of ${wanted[0]} rows and ${wanted[1]} columns`,
    );
  }
  return { channels, height, width, fit };
}

async function openNpy({ manifest, options }: Wanted): Promise<Opened> {
  const args = manifest.data!.args as { path: string; eval?: string };
  const paths = {
    training: located(args.path, options),
    evaluation: args.eval === undefined ? null : located(args.eval, options),
  };
  return {
    title: (part) => paths[part] ?? "",
    read: async (part) => (paths[part] === null ? null : openArrays(paths[part], manifest)),
  };
}

/** A path of the model: from `--data`, from the model's folder, or from the current one. */
function located(path: string, { data, model }: OpenOptions): string {
  if (isAbsolute(path)) {
    if (existsSync(path)) return path;
    throw new UserError("data-missing", `there is no ${path}`, "Correct the path in the model's data clause.");
  }
  const places = [...(data === undefined ? [] : [data]), ...(model === undefined ? [] : [dirname(model)]), "."].map(
    (folder) => join(folder, path),
  );
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  const looked = [...new Set(places)].join(", ");
  throw new UserError(
    "data-missing",
    `there is no ${path} (looked for ${looked})`,
    "Correct the path in the model's data clause, or name the folder that it is in with --data DIR.",
  );
}

export function onlyInput(manifest: Manifest): ManifestInput {
  const inputs = manifest.inputs.filter((input) => input.role === "input");
  if (inputs.length === 1) return inputs[0];
  throw misfit(manifest, "gives each sample one image");
}

/** The model's declarations do not go with what the data source gives. */
export function misfit(manifest: Manifest, what: string): UserError {
  const declared = manifest.inputs.map(({ role, name, dtype, shape, classes }) => {
    return `\`${role} ${name}: ${classes === undefined ? `${dtype}[${shape.join(", ")}]` : `class[${classes}]`}\``;
  });
  const source = manifest.data === null ? "the data" : `\`data ${manifest.data.source}\``;
  return new UserError(
    "data-misfit",
    `${source} ${what}; the model declares ${declared.join(", ")}`,
    "Change the declaration, or the data.",
  );
}
