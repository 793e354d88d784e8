/** `mlc check`: the diagnostics of files. */
import type { Command } from "commander";
import { CompileError, type Diagnostic } from "../diagnostics.ts";
import { UserError } from "./errors.ts";
import type { Io } from "./io.ts";
import { readModel } from "./model.ts";
import { addModelOptions, addOutputOptions, type ModelOptions } from "./options.ts";
import { writeDiagnostics } from "./report.ts";

export function addCheck(program: Command, io: Io): void {
  const command = program
    .command("check")
    .description("show what is wrong with models")
    .argument("<file...>", "the .model files");
  addOutputOptions(addModelOptions(command)).action(async (files: string[], options: ModelOptions) => {
    const { compile } = await import("../compile.ts");
    let atFault = 0;
    for (const file of files) {
      const source = readModel(file);
      const diagnostics = collect(
        () => compile(source, { file, overrides: options.set, batch: options.batch }).warnings,
      );
      const shown = options.quiet ? diagnostics.filter(isError) : diagnostics;
      writeDiagnostics(shown, io, options.json);
      if (diagnostics.some(isError)) atFault++;
      else if (!options.quiet && !options.json) io.stdout.write(`${file}: no errors\n`);
    }
    if (atFault > 0) throw new UserError("check", `${atFault} of ${files.length} files have errors`);
  });
}

const isError = ({ severity }: Diagnostic): boolean => severity === "error";

function collect(compileFile: () => readonly Diagnostic[]): readonly Diagnostic[] {
  try {
    return compileFile();
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics;
    throw error;
  }
}
