/** `mlc build`: a model as files that need nothing else. */
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Command, Option } from "commander";
import type { Io } from "./io.ts";
import { addModelOptions, addOutputOptions, type ModelOptions } from "./options.ts";
import { addWarningOptions, type WarningOptions } from "./warnings.ts";

interface BuildOptions extends ModelOptions, WarningOptions {
  readonly output: string;
  readonly inline?: boolean;
  readonly target: "wasm" | "js";
}

export function addBuild(program: Command, io: Io): void {
  const command = program
    .command("build")
    .description("compile a model to an ES module with its kernels and types")
    .argument("<file>", "the .model file")
    .requiredOption("-o, --output <dir>", "where the files go")
    .option("--inline", "put the WebAssembly into the .js")
    .addOption(new Option("--target <name>", "what the kernels are").choices(["wasm", "js"]).default("wasm"));
  addOutputOptions(addWarningOptions(addModelOptions(command))).action((file: string, options: BuildOptions) =>
    build(file, options, io),
  );
}

async function build(file: string, options: BuildOptions, io: Io): Promise<void> {
  const { artifact } = await import("../artifact.ts");
  const { writeTogether } = await import("./files.ts");
  const { compileModel, modelName } = await import("./model.ts");
  const { buildReport } = await import("./build-report.ts");
  const { inline, output, target } = options;
  const compilation = await compileModel(file, { ...options, backend: target }, io);
  const bundle = artifact(compilation, { name: modelName(file), inline });
  const files = Object.entries(bundle).map(([name, data]) => ({ path: join(output, name), data: Buffer.from(data) }));
  const packed = await Promise.all(files.map(({ data }) => promisify(gzip)(data, { level: 9 })));
  await writeTogether(files);
  const sizes = files.map(({ path, data }, i) => ({ path, bytes: data.length, gzip: packed[i].length }));
  if (options.json) io.stdout.write(`${JSON.stringify({ event: "build", files: sizes, ...compilation.report })}\n`);
  else if (!options.quiet) io.stdout.write(buildReport(sizes, compilation.report));
}
