/** `mlc check`: the diagnostics of files, and their gradients against finite differences. */
import type { Command } from "commander";
import type { CompileOptions } from "../compile.ts";
import { CompileError, type Diagnostic } from "../diagnostics.ts";
import { Failed } from "./errors.ts";
import { writeGradients } from "./gradients.ts";
import type { Io } from "./io.ts";
import { compileOptions, loadJs, readModel } from "./model.ts";
import { addModelOptions, addOutputOptions, type ModelOptions } from "./options.ts";
import { openBar } from "./progress.ts";
import { report, writeDiagnostics } from "./report.ts";
import { addWarningOptions, heeded, type WarningOptions } from "./warnings.ts";

interface CheckOptions extends ModelOptions, WarningOptions {
  readonly grad?: boolean;
}

export function addCheck(program: Command, io: Io): void {
  const command = program
    .command("check")
    .description("show what is wrong with models")
    .argument("<file...>", "the .model files")
    .option("--grad", "compare the gradients of your definitions and of the loss with finite differences");
  addOutputOptions(addWarningOptions(addModelOptions(command))).action(
    async (files: string[], options: CheckOptions) => {
      let codes = 0;
      for (const file of files) codes = Math.max(codes, await check(file, options, io));
      if (codes > 0) throw new Failed(codes);
    },
  );
}

/** Shows the file's diagnostics; 0, or the exit code. */
async function check(file: string, options: CheckOptions, io: Io): Promise<number> {
  const { compile } = await import("../compile.ts");
  try {
    const source = readModel(file);
    const { warnings } = compile(source, compileOptions(file, options));
    const shown = heeded(warnings, options);
    if (!options.quiet) writeDiagnostics(shown, io, options.json);
    if (options.grad) await checkGradient(source, compileOptions(file, options), options, io);
    if (!options.quiet && !options.json) io.stdout.write(`${file}: no errors\n`);
    return 0;
  } catch (error) {
    const shown =
      options.quiet && error instanceof CompileError ? new CompileError(error.diagnostics.filter(isError)) : error;
    return report(shown, io, options.json ?? false);
  }
}

async function checkGradient(source: string, compiling: CompileOptions, options: CheckOptions, io: Io): Promise<void> {
  const { checkGradients } = await import("../gradients/check.ts");
  const bar = openBar(io, options);
  const found = await checkGradients(source, { ...compiling, load: loadJs, progress: bar.update }).finally(bar.close);
  if (!options.quiet) writeGradients(found, io, options.json ?? false);
  if (found.diagnostics.length > 0) throw new CompileError(found.diagnostics);
}

const isError = ({ severity }: Diagnostic): boolean => severity === "error";
