/** The command line: `main(argv, io)` runs one command and gives its exit code. */
import { Command, CommanderError } from "commander";
import { addBuild } from "./build.ts";
import { addCheck } from "./check.ts";
import { addData } from "./data.ts";
import { addEval } from "./eval.ts";
import { addExplain } from "./explain.ts";
import type { Io } from "./io.ts";
import { report } from "./report.ts";
import { addTrain } from "./train.ts";

/** 0 done, 1 the model or the input is at fault, 2 usage, 130 interrupted. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync(argv, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(error, io, argv.includes("--json"));
  }
}

function createProgram(io: Io): Command {
  const program = new Command("mlc")
    .description("Compiles .model files to self-contained trainers, and trains them.")
    .version("0.1.0", "-V, --version", "print the version")
    .exitOverride()
    .showHelpAfterError("(mlc help COMMAND shows the options)")
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    });
  for (const add of [addTrain, addBuild, addCheck, addEval, addExplain, addData]) add(program, io);
  return program;
}
