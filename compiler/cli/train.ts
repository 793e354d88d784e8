/** `mlc train`: compile and train here. */
import { type Command, Option } from "commander";
import { UsageError } from "./errors.ts";
import type { Io } from "./io.ts";
import {
  addBackendOptions,
  addModelOptions,
  addOutputOptions,
  type ModelOptions,
  threadCount,
  wholeNumber,
} from "./options.ts";
import { addWarningOptions, type WarningOptions } from "./warnings.ts";

export interface TrainOptions extends ModelOptions, WarningOptions {
  readonly data?: string;
  readonly epochs?: number;
  readonly steps?: number;
  readonly seed?: number;
  readonly threads?: number | "auto";
  /** False for `--no-shuffle`; true leaves it to the model. */
  readonly shuffle: boolean;
  /** False for `--no-average`. */
  readonly average: boolean;
  readonly init?: string;
  readonly save?: string;
  readonly saveBest?: string;
  readonly metric?: string;
  readonly patience?: number;
  readonly evalEvery?: number;
  readonly checkpointDir?: string;
  readonly resume?: boolean;
  readonly log?: string;
  readonly tensorboard?: string;
  readonly checkFinite?: boolean;
  readonly keepGoing?: boolean;
}

export function addTrain(program: Command, io: Io): void {
  const command = program
    .command("train")
    .description("compile a model and train it here")
    .argument("<file>", "the .model file")
    .option("--data <dir>", "where the dataset is (else the user's cache, else it is fetched)")
    .option("--epochs <n>", "epochs of the whole run (default: the model's)", wholeNumber(0))
    .option("--steps <n>", "stop after so many steps; schedules keep the length of the whole run", wholeNumber(0));
  addModelOptions(command)
    .option(
      "--seed <n>",
      "of initial weights, order and noise (default: the model's, else 0)",
      wholeNumber(0, 2 ** 32 - 1),
    )
    .option("--threads <n>", "threads of the kernels, or auto", threadCount)
    .option("--no-shuffle", "take the samples in their order")
    .option("--init <file>", "start from these weights (safetensors, PyTorch's names)")
    .option("--save <file>", "write the weights at the end, and at Ctrl-C (safetensors, PyTorch's names)")
    .option("--save-best <file>", "write the weights after each evaluation that is better than all before")
    .option(
      "--metric <name>",
      "what better means: a metric, or loss; name:min or name:max (default: accuracy, else loss)",
    )
    .option("--patience <n>", "stop after so many evaluations that are not better", wholeNumber(1))
    .option("--eval-every <k>", "evaluate after every k-th epoch, and the last (default: 1)", wholeNumber(1))
    .option("--no-average", "evaluate and save the weights themselves where the model averages them (ema)")
    .option(
      "--checkpoint-dir <dir>",
      "write the whole state after each epoch, and where --steps or Ctrl-C ends the run",
    )
    .option("--resume", "go on from the latest checkpoint of --checkpoint-dir")
    .option("--log <file>", "write each step, epoch and evaluation, one JSON object a line")
    .option("--tensorboard <dir>", "write losses, rates and metrics for TensorBoard")
    .option("--check-finite", "stop at the first value that is not finite, and name its line (slower)")
    .addOption(new Option("--keep-going", "train on when the loss is not finite").conflicts("checkFinite"));
  addOutputOptions(addWarningOptions(addBackendOptions(command))).action(
    async (file: string, options: TrainOptions) => {
      if (options.resume && options.checkpointDir === undefined)
        throw new UsageError("--resume needs --checkpoint-dir DIR");
      const { runTraining } = await import("./training/run.ts");
      await runTraining(file, options, io);
    },
  );
}
