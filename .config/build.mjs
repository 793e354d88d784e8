/** Builds the package into dist/: the command, the library, the runtime, and their types. */
import { execFile } from "node:child_process";
import { chmod } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { esbuildPlugin } from "./plugins.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

function bundle(entry, outfile, options) {
  return build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    plugins: [esbuildPlugin],
    logLevel: "warning",
    ...options,
  });
}

/** Types are checked by `npm run types`; here they are only written. */
async function declarations() {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const run = promisify(execFile)(process.execPath, [tsc, "--project", ".config/tsconfig.types.json"], { cwd: root });
  await run.catch(({ stdout, stderr }) => {
    throw new Error(`the declarations cannot be made:\n${stdout}${stderr}`);
  });
}

// Bundled CommonJS packages ask for Node's modules with `require`.
const banner = `import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);`;

try {
  await Promise.all([
    bundle("compiler/cli/mlc.ts", "dist/mlc.js", { platform: "node", banner: { js: banner } }),
    bundle("compiler/index.ts", "dist/index.js", { platform: "neutral", mainFields: ["module", "main"] }),
    bundle("runtime/index.ts", "dist/runtime.js", { platform: "neutral" }),
    declarations(),
  ]);
  await chmod(`${root}dist/mlc.js`, 0o755);
} catch (error) {
  // esbuild has printed its errors, with their places.
  if (!error.errors) console.error(error.message);
  process.exitCode = 1;
}
