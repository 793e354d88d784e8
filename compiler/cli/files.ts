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
export async function writeAtomically(path: string, data: Uint8Array | string): Promise<void> {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    // Renaming over a device or a pipe would remove it.
    if (there !== undefined && !there.isFile()) return await writeFile(path, data);
    await replace(there === undefined ? path : realpathSync(path), data);
  } catch (error) {
    throw fileError(error, `cannot write ${path}`);
  }
}

/** Finds out before the work that its result could not be written. */
export async function checkWritable(path: string): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw Object.assign(new Error(path), { code: "EISDIR" });
    if (there !== undefined && !there.isFile()) return await access(path, constants.W_OK);
    makeDirectory(dirname(path));
    await writeFile(temporary, "");
    await rm(temporary);
  } catch (error) {
    throw fileError(error, `cannot write ${path}`);
  }
}

async function replace(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = temporaryName(path);
  try {
    makeDirectory(dirname(path));
    await writeDurably(temporary, data);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
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
