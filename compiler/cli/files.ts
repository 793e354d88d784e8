/** Reading, and writing so that a file is either the old one or the whole new one. */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { access, open, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileError, systemCode, UserError } from "./errors.ts";
import { isGone } from "./processes.ts";

/** A name in the same directory that no other process uses. */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}.tmp`;
}

/** Milliseconds in which a process that writes a file touches it. */
const TOUCHED_WITHIN = 60_000;

/** Removes from the directory what processes that were killed have left unfinished of files with such names. */
export function removeLeftovers(directory: string, isName: (name: string) => boolean): void {
  try {
    for (const entry of readdirSync(directory)) {
      const [, name, pid] = /^(.*)\.(\d+)\.tmp$/.exec(entry) ?? [];
      if (name === undefined || !isName(name) || !isGone(Number(pid))) continue;
      const path = join(directory, entry);
      // Its process may run on another machine, which this one cannot see.
      const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (Date.now() - touched > TOUCHED_WITHIN) rmSync(path, { force: true });
    }
  } catch {
    // What cannot be tidied up may stay.
  }
}

/** Writes `data` at `path` and waits until the disk has it. */
export async function writeDurably(path: string, data: Uint8Array | string): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaces the file at once; a failure leaves what was there. */
export function writeAtomically(path: string, data: Uint8Array | string): Promise<void> {
  return writeTogether([{ path, data }]);
}

/** Replaces files that belong together: unless all of them can be written, none is replaced. */
export async function writeTogether(files: readonly NewFile[]): Promise<void> {
  const written: { readonly path: string; readonly temporary: string }[] = [];
  try {
    for (const file of files) {
      const temporary = await attempt(file.path, () => writeBeside(file));
      if (temporary !== null) written.push({ path: file.path, temporary });
    }
    for (const { path, temporary } of written) await attempt(path, () => rename(temporary, target(path)));
  } finally {
    // Those that were renamed are no longer there.
    for (const { temporary } of written) await rm(temporary, { force: true }).catch(() => {});
  }
}

export interface NewFile {
  readonly path: string;
  readonly data: Uint8Array | string;
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw fileError(error, `cannot write ${path}`);
  }
}

/** What a link leads to: the link stays. */
function target(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? path : realpathSync(path);
}

/** The name of a file that is to take the place of the one at `path`; null if that is a device or a pipe, and was written to. */
async function writeBeside({ path, data }: NewFile): Promise<string | null> {
  const there = statSync(path, { throwIfNoEntry: false });
  // Renaming over it would remove it.
  if (there !== undefined && !there.isFile()) {
    await writeFile(path, data);
    return null;
  }
  const temporary = temporaryName(target(path));
  makeDirectory(dirname(temporary));
  removeLeftovers(dirname(temporary), (name) => name === basename(target(path)));
  try {
    await writeDurably(temporary, data);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  return temporary;
}

/** Finds out before the work that its result could not be written. */
export async function checkWritable(path: string): Promise<void> {
  const temporary = temporaryName(path);
  await attempt(path, async () => {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw Object.assign(new Error(path), { code: "EISDIR" });
    if (there !== undefined && !there.isFile()) return access(path, constants.W_OK);
    makeDirectory(dirname(path));
    await writeFile(temporary, "");
    await rm(temporary);
  });
}

/** More than any file that is read whole; keeps a device without an end from filling the memory. */
const MOST_BYTES = 2 ** 32 - 1;

/** All of a file of at most `most` bytes. */
export function readBytes(path: string, most = MOST_BYTES): Uint8Array {
  try {
    return readWhole(path, most);
  } catch (error) {
    throw fileError(error, `cannot read ${path}`);
  }
}

/** As `readBytes`, with the system's own errors. */
export function readWhole(path: string, most = MOST_BYTES): Uint8Array<ArrayBuffer> {
  const file = openToRead(path);
  try {
    const { size } = statSync(path);
    if (size > most) throw tooLarge(path, most);
    // Reading goes on until the end: what grows, or is no file, need not have the size that it says.
    let bytes = new Uint8Array(Math.min(size, most) + 1);
    for (let at = 0; ; ) {
      // `readSync` takes less than 2 GiB at a time.
      const read = readSync(file, bytes, at, Math.min(bytes.length - at, 2 ** 30), null);
      at += read;
      if (at > most) throw tooLarge(path, most);
      if (read === 0) return bytes.subarray(0, at);
      if (at === bytes.length) bytes = grown(bytes, most);
    }
  } finally {
    closeSync(file);
  }
}

function tooLarge(path: string, most: number): UserError {
  return new UserError("file", `${path} has more than ${most} bytes`, "Check that it is the right file.");
}

function grown(bytes: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(Math.max(2 * bytes.length, 1 << 16), most + 1));
  larger.set(bytes);
  return larger;
}

/** Pipes and devices are read by their names in /dev (`/dev/stdin`) alone: elsewhere they are no data, and may never end. */
export function openToRead(path: string): number {
  const stat = statSync(path);
  const isOther = !stat.isFile() && !stat.isDirectory();
  if (isOther && !path.startsWith("/dev/")) throw Object.assign(new Error(path), { code: "ESPIPE" });
  return openSync(path, "r");
}

/**
 * Creates the directory and those above it that are missing. (`mkdir` with `recursive` loops for ever where the system
 * answers ENOENT for a child of a directory that exists, as /proc does.)
 */
export function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have been faster.
    if (systemCode(error) !== "EEXIST" || !statSync(path).isDirectory()) throw error;
  }
}
