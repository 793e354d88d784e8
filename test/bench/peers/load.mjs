/** Loads a package from the directory that MLC_BENCH_PEERS names. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export function load(name) {
  const { resolve } = createRequire(join(process.env.MLC_BENCH_PEERS, "package.json"));
  return import(pathToFileURL(resolve(name)).href);
}
