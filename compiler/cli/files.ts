/** Reading, and writing so that a file is either the old one or the whole new one. */
import { constants, mkdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { access, open, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileError, systemCode } from "./errors.ts";

/** A name in the same directory that no other process uses. */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}.tmp`;
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

export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(error, `cannot read ${path}`);
  }
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
