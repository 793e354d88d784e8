/** Finds CIFAR-10 (`--data`, the user's cache, else the network) and reads verified files. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileError, UserError } from "../errors.ts";
import { CIFAR10, type Cifar10, type DataFile } from "./cifar10-files.ts";
import { type FetchOptions, fetchCifar10 } from "./fetch.ts";

type Env = FetchOptions["io"]["env"];

/** $XDG_CACHE_HOME/mlc, by default ~/.cache/mlc. */
function cacheDirectory(env: Env): string {
  const base = env.XDG_CACHE_HOME?.startsWith("/") ? env.XDG_CACHE_HOME : join(env.HOME ?? homedir(), ".cache");
  return join(base, "mlc");
}

/** Where fetched files are kept. */
export function cifar10Cache(env: Env, cifar10: Cifar10 = CIFAR10): string {
  return join(cacheDirectory(env), cifar10.folder);
}

export interface LocateOptions extends FetchOptions {
  /** Where to look first: the directory with the files, or the one above it. */
  readonly data?: string;
  readonly cifar10?: Cifar10;
}

/** The directory that has the wanted files; fetches all into the cache if none does. */
export async function locateCifar10(wanted: readonly DataFile[], options: LocateOptions): Promise<string> {
  const { data, io, cifar10 = CIFAR10 } = options;
  const cache = cifar10Cache(io.env, cifar10);
  if (data !== undefined) {
    for (const directory of [data, join(data, cifar10.folder)]) {
      if (holds(directory, wanted, cifar10)) return directory;
    }
    if (!options.quiet) io.stderr.write(`No CIFAR-10 files in ${data}: looking in ${cache}\n`);
  }
  if (!wanted.every((file) => existsSync(join(cache, file.name)))) await fetchCifar10(cifar10, cache, options);
  return cache;
}

/** All wanted files are there. Some of a set without the wanted ones is a mistake that must not pass silently. */
function holds(directory: string, wanted: readonly DataFile[], cifar10: Cifar10): boolean {
  const missing = wanted.filter((file) => !existsSync(join(directory, file.name)));
  if (missing.length === 0) return true;
  if (!cifar10.files.some((file) => existsSync(join(directory, file.name)))) return false;
  const names = missing.map((file) => file.name).join(", ");
  throw new UserError(
    "data-missing",
    `${directory} has CIFAR-10 files, but not ${names}`,
    `Add what is missing, or complete the directory with \`mlc data cifar10 --data ${directory}\`.`,
  );
}

/** Reads a file, into `buffer` if one is given, and verifies that it is the official one, byte for byte. */
export function readVerified(directory: string, file: DataFile, buffer = Buffer.allocUnsafe(file.bytes)): Uint8Array {
  const path = join(directory, file.name);
  const size = readInto(path, buffer);
  const cure = `The file is left as it is. Delete or move it, then run \`mlc data cifar10 --data ${directory}\` to fetch it again.`;
  if (size !== file.bytes) {
    const state = size < file.bytes ? "is truncated" : "is too long";
    throw new UserError("data-altered", `${path} ${state}: ${size} bytes, expected ${file.bytes}`, cure);
  }
  const sha256 = createHash("sha256").update(buffer).digest("hex");
  if (sha256 !== file.sha256) {
    throw new UserError("data-altered", `${path} was altered: its SHA-256 is ${sha256}, expected ${file.sha256}`, cure);
  }
  return buffer;
}

/** The file's size; `buffer` has its beginning. */
function readInto(path: string, buffer: Uint8Array): number {
  try {
    const file = openSync(path, "r");
    try {
      for (let at = 0; at < buffer.length; ) {
        const read = readSync(file, buffer, at, buffer.length - at, at);
        if (read === 0) return at;
        at += read;
      }
      return fstatSync(file).size;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, `cannot read ${path}`);
  }
}
