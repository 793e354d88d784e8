/** `data npy("folder")`: one array for each input and target, from `.npy` files of their names or from an `.npz`. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Columns, Manifest, ManifestInput } from "../../../runtime/index.ts";
import { UserError } from "../errors.ts";
import { readBytes } from "../files.ts";
import { type Npy, type NpyData, parseNpy } from "./npy.ts";
import type { Samples } from "./samples.ts";
import { unzip } from "./zip.ts";

/** What the files may be called where there is only one input, and one target. */
const PLAIN = { input: "images", target: "labels" } as const;

export function openArrays(path: string, manifest: Manifest): Samples {
  const arrays = /\.npz$/i.test(path) ? archived(path) : inFolder(path);
  const columns: Record<string, NpyData> = {};
  let length = -1;
  for (const input of manifest.inputs) {
    const { role } = input;
    const only = manifest.inputs.filter((other) => other.role === role).length === 1;
    const names = only ? [input.name, PLAIN[role]] : [input.name];
    const name = names.find((name) => arrays.has(name));
    if (name === undefined) throw missing(path, input, names, arrays.names());
    const { place, array } = arrays.read(name);
    const samples = array.shape[0];
    if (length !== -1 && samples !== length) {
      const help = "Every array has the sample axis first, and as many samples as the others.";
      throw new UserError("data-array", `${place} has ${samples} samples; the arrays before it have ${length}`, help);
    }
    length = samples;
    columns[input.name] = fitted(place, array, input);
  }
  if (length < 1) throw new UserError("data-array", `the arrays in ${path} have no samples`, "Save at least one.");
  return { length, data: columns as Columns };
}

interface Arrays {
  has(name: string): boolean;
  names(): string[];
  read(name: string): { readonly place: string; readonly array: Npy };
}

function inFolder(path: string): Arrays {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError("data-array", `${path} is no folder and no .npz file`, "Name what has the arrays.");
  }
  const fileOf = (name: string) => join(path, `${name}.npy`);
  return {
    has: (name) => existsSync(fileOf(name)),
    names: () => [],
    read: (name) => ({ place: fileOf(name), array: parsed(fileOf(name), () => readBytes(fileOf(name))) }),
  };
}

function archived(path: string): Arrays {
  const files = told(path, () => unzip(readBytes(path)));
  return {
    has: (name) => files.has(`${name}.npy`),
    names: () => [...files.keys()].map((name) => name.replace(/\.npy$/, "")),
    read: (name) => {
      const place = `${name} in ${path}`;
      return { place, array: parsed(place, () => files.get(`${name}.npy`)!) };
    },
  };
}

const parsed = (place: string, bytes: () => Uint8Array): Npy => told(place, () => parseNpy(bytes()));

function told<T>(place: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const help = "Save the arrays again with numpy.save or numpy.savez; the file is left as it is.";
    throw new UserError("data-array", `cannot read ${place}: ${(error as Error).message}`, help);
  }
}

function missing(
  path: string,
  { role, name }: ManifestInput,
  names: readonly string[],
  known: readonly string[],
): UserError {
  const wanted = names.map((name) => `${name}.npy`).join(" or ");
  const found = known.length > 0 ? `; it has ${known.join(", ")}` : "";
  const help = `Save an array of all samples there: numpy.save("${names[0]}.npy", x).`;
  return new UserError("data-array", `${path} has no ${wanted} for the ${role} \`${name}\`${found}`, help);
}

const withoutOnes = (shape: readonly number[]): string => shape.filter((size) => size !== 1).join();

/** The array's values as the input takes them: of its shape, up to axes of size 1. */
function fitted(place: string, { shape, data }: Npy, input: ManifestInput): NpyData {
  const { name, role, dtype, classes } = input;
  const declared = `${role} ${name}: ${classes === undefined ? `${dtype}[${input.shape.join(", ")}]` : `class[${classes}]`}`;
  if (shape.length === 0 || withoutOnes(shape.slice(1)) !== withoutOnes(input.shape)) {
    const [n = "", ...sizes] = shape;
    const last = input.shape.length === 3 && withoutOnes([sizes[2], sizes[0], sizes[1]]) === withoutOnes(input.shape);
    const help = last
      ? "Put the channels first: x.transpose(0, 3, 1, 2)."
      : `Its shape must be [samples${input.shape.map((size) => `, ${size}`).join("")}].`;
    throw new UserError(
      "data-array",
      `${place} is [${[n, ...sizes].join(", ")}]; the model declares \`${declared}\``,
      help,
    );
  }
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  if (dtype === "i32" && isFloat) {
    const help = "Save integers: x.astype(numpy.int32).";
    throw new UserError("data-array", `${place} has floats; the model declares \`${declared}\``, help);
  }
  return dtype === "f32" && data instanceof Int32Array ? Float32Array.from(data) : data;
}
