/** Finds the files that a model imports: those in its folder and below, whatever links stand there. */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import type { FileContent } from "../compile.ts";
import { fileError } from "./errors.ts";

/** More than any model; keeps a wrong file from filling the memory. */
const MOST_BYTES = 4 * 2 ** 20;

/** For the `files` of the compiler: finds paths from the folder of the model at `modelPath`. */
export function importedFiles(modelPath: string): (path: string) => FileContent {
  const folder = dirname(modelPath);
  return (path) => {
    try {
      return read(folder, join(folder, path));
    } catch (error) {
      const known = fileError(error, "");
      return { problem: known instanceof Error ? known.message.replace(/^: /, "") : String(known) };
    }
  };
}

function read(folder: string, path: string): FileContent {
  const root = realpathSync(folder);
  const real = realpathSync(path);
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return { problem: `a link leads out of ${folder}` };
  const stat = statSync(real);
  if (!stat.isFile()) return { problem: "it is not a file" };
  if (stat.size > MOST_BYTES) return { problem: `it has ${stat.size} bytes: that is no model` };
  return { text: new TextDecoder().decode(readFileSync(real)) };
}
