/** Imports a TypeScript module of the repository, bundled as the package's build does it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { esbuildPlugin } from "../../.config/plugins.mjs";

export async function importTypeScript(url) {
  const folder = mkdtempSync(join(tmpdir(), "mlc-bench-"));
  try {
    const outfile = join(folder, "module.mjs");
    await build({
      entryPoints: [fileURLToPath(url)],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      plugins: [esbuildPlugin],
      logLevel: "error",
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
