/** `mlc predict`: what trained weights say of pictures. */
import type { Command } from "commander";
import type { Io } from "./io.ts";
import { addBackendOptions, addModelOptions, addOutputOptions, type ModelOptions, wholeNumber } from "./options.ts";

export interface PredictOptions extends ModelOptions {
  readonly weights: string;
  readonly data?: string;
  readonly top: number;
  /** False for `--no-average`. */
  readonly average: boolean;
}

export function addPredict(program: Command, io: Io): void {
  const command = program
    .command("predict")
    .description("the classes of PNG or JPEG pictures, the most probable first")
    .argument("<file>", "the .model file")
    .argument("<image...>", "pictures, or folders of pictures")
    .requiredOption("--weights <file>", "the trained weights (safetensors, PyTorch's names)")
    .option("--top <k>", "how many classes", wholeNumber(1), 5)
    .option("--no-average", "of a checkpoint, take the weights themselves where it has averages of them")
    .option("--data <dir>", "where the classes' folders are, if the weights do not name the classes");
  addOutputOptions(addBackendOptions(addModelOptions(command))).action(
    async (file: string, images: readonly string[], options: PredictOptions) => {
      const { runPrediction } = await import("./training/predict.ts");
      await runPrediction(file, images, options, io);
    },
  );
}
