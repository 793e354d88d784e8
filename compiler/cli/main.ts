/** The command line: `main(argv, io)` runs one command and gives its exit code. */
import { Command, CommanderError } from "commander";
import { version } from "../../package.json";
import type { Io } from "./io.ts";
import { report } from "./report.ts";

type AddCommand = (program: Command, io: Io) => void;

/** In the order of the help. Only the one that is asked for is loaded: `explain` knows the whole compiler. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  train: async () => (await import("./train.ts")).addTrain,
  build: async () => (await import("./build.ts")).addBuild,
  check: async () => (await import("./check.ts")).addCheck,
  fmt: async () => (await import("./fmt.ts")).addFmt,
  eval: async () => (await import("./eval.ts")).addEval,
  predict: async () => (await import("./predict.ts")).addPredict,
  explain: async () => (await import("./explain.ts")).addExplain,
  bench: async () => (await import("./bench.ts")).addBench,
  data: async () => (await import("./data.ts")).addData,
};

/** 0 done, 1 the model or the input is at fault, 2 usage, 130 interrupted. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    const program = createProgram(io);
    const [asked] = argv;
    for (const name of Object.hasOwn(COMMANDS, asked ?? "") ? [asked] : Object.keys(COMMANDS)) {
      (await COMMANDS[name]())(program, io);
    }
    await program.parseAsync(argv, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(error, io, argv.includes("--json"));
  }
}

function createProgram(io: Io): Command {
  return new Command("mlc")
    .description("Compiles .model files to self-contained trainers, and trains them.")
    .version(version, "-V, --version", "print the version")
    .exitOverride()
    .showHelpAfterError("(mlc help COMMAND shows the options)")
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    });
}
