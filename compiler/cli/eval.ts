/** `mlc eval`: loss and metrics of the evaluation split. */
import { type Command, Option } from "commander";
import type { Evaluated } from "./data/open.ts";
import type { Io } from "./io.ts";
import { addBackendOptions, addModelOptions, addOutputOptions, type ModelOptions, threadCount } from "./options.ts";

export interface EvalOptions extends ModelOptions {
  readonly weights: string;
  readonly data?: string;
  readonly split?: Evaluated;
  readonly threads?: number | "auto";
  /** False for `--no-average`. */
  readonly average: boolean;
}

export function addEval(program: Command, io: Io): void {
  const command = program
    .command("eval")
    .description("loss and metrics of trained weights on the evaluation split")
    .argument("<file>", "the .model file")
    .requiredOption("--weights <file>", "the trained weights (safetensors, PyTorch's names)")
    .addOption(
      new Option("--split <name>", "evaluate on these samples (default: what training evaluates)").choices([
        "train",
        "validation",
        "eval",
      ]),
    )
    .option("--threads <n>", "threads of the kernels, or auto", threadCount)
    .option("--no-average", "of a checkpoint, take the weights themselves where it has averages of them")
    .option("--data <dir>", "where the dataset is (else the user's cache, else it is fetched)");
  addOutputOptions(addBackendOptions(addModelOptions(command))).action(async (file: string, options: EvalOptions) => {
    const { runEvaluation } = await import("./training/evaluate.ts");
    await runEvaluation(file, options, io);
  });
}
