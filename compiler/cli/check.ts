/** `mlc check`: the diagnostics of files. */
import type { Command } from "commander";
import { CompileError, type Diagnostic } from "../diagnostics.ts";
import { Failed } from "./errors.ts";
import type { Io } from "./io.ts";
import { compileOptions, readModel } from "./model.ts";
import { addModelOptions, addOutputOptions, type ModelOptions } from "./options.ts";
import { report, writeDiagnostics } from "./report.ts";

export function addCheck(program: Command, io: Io): void {
  const command = program
    .command("check")
    .description("show what is wrong with models")
    .argument("<file...>", "the .model files");
  addOutputOptions(addModelOptions(command)).action(async (files: string[], options: ModelOptions) => {
    let codes = 0;
    for (const file of files) codes = Math.max(codes, await check(file, options, io));
    if (codes > 0) throw new Failed(codes);
  });
}

/** Shows the file's diagnostics; 0, or the exit code. */
async function check(file: string, options: ModelOptions, io: Io): Promise<number> {
  const { compile } = await import("../compile.ts");
  try {
    const { warnings } = compile(readModel(file), compileOptions(file, options));
    if (!options.quiet) writeDiagnostics(warnings, io, options.json);
    if (!options.quiet && !options.json) io.stdout.write(`${file}: no errors\n`);
    return 0;
  } catch (error) {
    const shown =
      options.quiet && error instanceof CompileError ? new CompileError(error.diagnostics.filter(isError)) : error;
    return report(shown, io, options.json ?? false);
  }
}

const isError = ({ severity }: Diagnostic): boolean => severity === "error";
