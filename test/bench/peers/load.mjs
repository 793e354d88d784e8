/** Loads a package from the directory that MLC_BENCH_PEERS names, and tells its version. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export async function load(name) {
  const folder = process.env.MLC_BENCH_PEERS;
  const { resolve } = createRequire(join(folder, "package.json"));
  const { version } = JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8"));
  return { module: await import(pathToFileURL(resolve(name)).href), version };
}
