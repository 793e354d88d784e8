/** The package as `npm run build` leaves it, used from another project. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { directoryOf, SOURCE } from "./artifact.ts";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url).pathname;

/** A project that has the package installed. */
function project(files: Readonly<Record<string, string>>): string {
  const directory = directoryOf({ "package.json": '{ "type": "module" }', ...files });
  mkdirSync(join(directory, "node_modules"));
  symlinkSync(root, join(directory, "node_modules", "mlc"));
  return directory;
}

const USE = `
  import { compile } from "mlc";
  import { createTrainer, synthetic } from "mlc/runtime";
  const compilation = compile(${JSON.stringify(SOURCE)}, { file: "small.model" });
  const trainer = await createTrainer(compilation.executable(), { seed: 1 });
  const { loss, n } = await trainer.step(synthetic({ length: 8, shape: [3, 16, 16] }));
  console.log(JSON.stringify({ batch: compilation.manifest.batch, loss, n }));
`;

test("the library compiles and trains in place", async () => {
  const { stdout } = await run(process.execPath, ["use.js"], { cwd: project({ "use.js": USE }) });
  expect(JSON.parse(stdout)).toEqual({ batch: 32, loss: expect.any(Number), n: 8 });
});

test.each([
  ["bundler", "esnext"],
  ["nodenext", "nodenext"],
])("the library is typed, resolved as %s", async (resolution, module) => {
  const wrong = "// @ts-expect-error: a number\nexport const batch: string = compilation.manifest.batch;\n";
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", module, "--moduleResolution", resolution];
  const directory = project({ "use.ts": `${USE}\n${wrong}` });
  const tsc = join(root, "node_modules/.bin/tsc");
  // Of Node's types only the console, which those of browsers have too.
  const { stdout } = await run(tsc, [...options, "--lib", "es2022,dom", "--types", "", "use.ts"], { cwd: directory });
  expect(stdout).toBe("");
});

test("the command runs as a program of its own", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect((await run(join(root, "dist/mlc.js"), ["--version"])).stdout).toBe(`${version}\n`);
});

test("the library and the runtime ask for nothing that browsers lack", async () => {
  for (const file of ["dist/index.js", "dist/runtime.js"]) {
    const bundled = await build({
      entryPoints: [join(root, file)],
      bundle: true,
      platform: "browser",
      write: false,
      metafile: true,
    });
    expect(
      Object.values(bundled.metafile.inputs).flatMap((input) => input.imports),
      file,
    ).toEqual([]);
  }
});
