/** Finds CIFAR-10 and CIFAR-100 (`--data`, the user's cache, else the network) and reads verified files. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, readSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Dataset } from "../../../runtime/index.ts";
import { fileError, UserError } from "../errors.ts";
import { openToRead } from "../files.ts";
import { type CifarFiles, type DataFile, filesOf, IMAGE_BYTES } from "./cifar-files.ts";
import { type FetchOptions, fetchCifar } from "./fetch.ts";

type Env = FetchOptions["io"]["env"];

/** $XDG_CACHE_HOME/mlc, by default ~/.cache/mlc. */
function cacheDirectory(env: Env): string {
  const base = env.XDG_CACHE_HOME?.startsWith("/") ? env.XDG_CACHE_HOME : join(env.HOME ?? homedir(), ".cache");
  return join(base, "mlc");
}

/** Where fetched files are kept. */
export function cifarCache(env: Env, cifar: CifarFiles): string {
  return join(cacheDirectory(env), cifar.folder);
}

export interface LocateOptions extends FetchOptions {
  /** Where to look first: the directory with the files, or the one above it. */
  readonly data?: string;
}

/** The directory that has the wanted files; fetches all into the cache if none does. */
export async function locateCifar(
  cifar: CifarFiles,
  wanted: readonly DataFile[],
  options: LocateOptions,
): Promise<string> {
  const { data, io } = options;
  const cache = cifarCache(io.env, cifar);
  if (data !== undefined) {
    for (const directory of [data, join(data, cifar.folder)]) {
      if (holds(directory, wanted, cifar)) return directory;
    }
    if (!options.quiet) io.stderr.write(`No ${cifar.title} files in ${data}: looking in ${cache}\n`);
  }
  if (!wanted.every((file) => existsSync(join(cache, file.name)))) await fetchCifar(cifar, cache, options);
  return cache;
}

/** All wanted files are there. Some of a set without the wanted ones is a mistake that must not pass silently. */
function holds(directory: string, wanted: readonly DataFile[], cifar: CifarFiles): boolean {
  const missing = wanted.filter((file) => !existsSync(join(directory, file.name)));
  if (missing.length === 0) return true;
  if (!cifar.files.some((file) => existsSync(join(directory, file.name)))) return false;
  const names = missing.map((file) => file.name).join(", ");
  throw new UserError(
    "data-missing",
    `${directory} has ${cifar.title} files, but not ${names}`,
    `Add what is missing, or complete the directory with \`mlc data ${cifar.name} --data ${directory}\`.`,
  );
}

/** Verifies that a file is the official one, byte for byte; `visit` sees it in pieces of some records, so that it is never in memory as a whole. */
export function readVerified(
  cifar: CifarFiles,
  directory: string,
  file: DataFile,
  visit: (records: Uint8Array) => void = () => {},
): void {
  const path = join(directory, file.name);
  const hash = createHash("sha256");
  const size = eachPiece(path, PIECE * recordBytes(cifar), (piece) => {
    hash.update(piece);
    visit(piece);
  });
  const cure = `The file is left as it is. Delete or move it, then run \`mlc data ${cifar.name} --data ${directory}\` to fetch it again.`;
  if (size !== file.bytes) {
    const state = size < file.bytes ? "is truncated" : "is too long";
    throw new UserError("data-altered", `${path} ${state}: ${size} bytes, expected ${file.bytes}`, cure);
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== file.sha256) {
    throw new UserError("data-altered", `${path} was altered: its SHA-256 is ${sha256}, expected ${file.sha256}`, cure);
  }
}

/** Records that are read at once. */
const PIECE = 500;

const recordBytes = (cifar: CifarFiles): number => cifar.labelBytes + IMAGE_BYTES;

/** A split's verified images; `labelAt` is the place of the label in a record. */
export function readSplit(
  cifar: CifarFiles,
  directory: string,
  split: "train" | "test",
  labelAt: number,
  names: readonly string[],
): Dataset {
  const files = filesOf(cifar, split);
  const record = recordBytes(cifar);
  const length = files.reduce((sum, file) => sum + file.bytes / record, 0);
  const images = new Uint8Array(length * IMAGE_BYTES);
  const labels = new Uint8Array(length);
  let image = 0;
  const copy = (records: Uint8Array) => {
    for (let at = 0; at + record <= records.length && image < length; at += record, image++) {
      labels[image] = records[at + labelAt];
      images.set(records.subarray(at + cifar.labelBytes, at + record), image * IMAGE_BYTES);
    }
  };
  for (const file of files) readVerified(cifar, directory, file, copy);
  return { length, images, labels, shape: [3, 32, 32], classes: names.length, names };
}

export interface CifarState {
  readonly directory: string;
  /** Of the files that are there. */
  readonly bytes: number;
  readonly state: "verified" | "not here" | "incomplete" | "altered";
}

/** Looks at the files in `data`, else in the user's cache, without fetching any. */
export function cifarState(cifar: CifarFiles, data: string | undefined, env: Env): CifarState {
  const places = [...(data === undefined ? [] : [data, join(data, cifar.folder)]), cifarCache(env, cifar)];
  const present = (directory: string) => cifar.files.filter(({ name }) => existsSync(join(directory, name)));
  const directory = places.find((place) => present(place).length > 0) ?? places[places.length - 1];
  const files = present(directory);
  const bytes = files.reduce((sum, { name }) => sum + statSync(join(directory, name)).size, 0);
  if (files.length === 0) return { directory, bytes, state: "not here" };
  if (files.length < cifar.files.length) return { directory, bytes, state: "incomplete" };
  try {
    for (const file of files) readVerified(cifar, directory, file);
    return { directory, bytes, state: "verified" };
  } catch (error) {
    if (error instanceof UserError && error.code === "data-altered") return { directory, bytes, state: "altered" };
    throw error;
  }
}

/** Reads a file piece by piece; its size. */
function eachPiece(path: string, bytes: number, visit: (piece: Uint8Array) => void): number {
  const buffer = Buffer.allocUnsafe(bytes);
  try {
    const file = openToRead(path);
    try {
      for (let size = 0, filled = 0; ; ) {
        const read = readSync(file, buffer, filled, bytes - filled, size);
        size += read;
        filled += read;
        if (filled === bytes || (read === 0 && filled > 0)) {
          visit(buffer.subarray(0, filled));
          filled = 0;
        }
        if (read === 0) return size;
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, `cannot read ${path}`);
  }
}
