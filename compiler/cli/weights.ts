/** Weights and training states from files. */
import { type LoadOptions, type Trainer, TrainerError } from "../../runtime/index.ts";
import { UserError } from "./errors.ts";
import { readBytes } from "./files.ts";

/** What is wrong with the file is told with its name; the trainer is then unchanged. */
export async function loadFile(trainer: Trainer, path: string, options: LoadOptions): Promise<void> {
  const bytes = readBytes(path);
  try {
    await trainer.load(bytes, options);
  } catch (error) {
    if (!(error instanceof TrainerError)) throw error;
    const help =
      "The file must hold the parameters and buffers of this model under their names (safetensors; `mlc train --save` writes one).";
    throw new UserError(error.code, `${path}: ${error.message}`, help);
  }
}
