/** Finds the files that a model imports: those in its folder and below, whatever links stand there. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import type { FileContent } from "../compile.ts";
import { fileError } from "./errors.ts";

/** More than any model; keeps a wrong file from filling the memory. */
const MOST_BYTES = 4 * 2 ** 20;
/** Of a folder that are looked at for what a misspelt path may mean. */
const MOST_NAMES = 1000;

/** For the `files` of the compiler: finds paths from the folder of the model at `modelPath`. */
export function importedFiles(modelPath: string): (path: string) => FileContent {
  const folder = dirname(modelPath);
  return (path) => {
    try {
      return read(folder, join(folder, path));
    } catch (error) {
      const known = fileError(error, "");
      const problem = known instanceof Error ? known.message.replace(/^: /, "") : String(known);
      return { problem, candidates: candidatesFor(folder, path) };
    }
  };
}

/** What cannot be listed has no candidates: the path is at fault already. */
function candidatesFor(folder: string, path: string): string[] {
  try {
    return similar(folder, path);
  } catch {
    return [];
  }
}

/** Files whose paths differ from a missing one in the first part that is missing. */
function similar(folder: string, path: string): string[] {
  const parts = path.split("/");
  const missing = parts.findIndex((_, i) => !existsSync(join(folder, ...parts.slice(0, i + 1))));
  const [before, after] = [parts.slice(0, missing), parts.slice(missing + 1)];
  const listed = join(folder, ...before);
  if (missing === -1 || !isWithin(folder, realpathSync(listed))) return [];
  const paths = readdirSync(listed)
    .slice(0, MOST_NAMES)
    .map((name) => [...before, name, ...after].join("/"));
  return paths.filter((other) => other.endsWith(".model") && isReadable(folder, join(folder, other)));
}

function isReadable(folder: string, path: string): boolean {
  try {
    return "real" in located(folder, path);
  } catch {
    return false;
  }
}

function read(folder: string, path: string): FileContent {
  const found = located(folder, path);
  return "problem" in found ? found : { text: new TextDecoder().decode(readFileSync(found.real)) };
}

/** Where the file lies without links, or why it is not read. */
function located(folder: string, path: string): { readonly real: string } | { readonly problem: string } {
  const real = realpathSync(path);
  if (!isWithin(folder, real)) return { problem: `a link leads out of ${folder}` };
  const stat = statSync(real);
  if (!stat.isFile()) return { problem: "it is not a file" };
  if (stat.size > MOST_BYTES) return { problem: `it has ${stat.size} bytes: that is no model` };
  return { real };
}

function isWithin(folder: string, real: string): boolean {
  const root = realpathSync(folder);
  return `${real}${sep}`.startsWith(root.endsWith(sep) ? root : root + sep);
}
