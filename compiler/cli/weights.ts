/** Weights and training states from files. */
import { type ErrorCode, type LoadOptions, type Trainer, TrainerError } from "../../runtime/index.ts";
import { UserError } from "./errors.ts";
import { readBytes } from "./files.ts";

const CURES: Readonly<Partial<Record<ErrorCode, string>>> = {
  safetensors: "The file is left as it is. Bring it again, or name another (`mlc train --save` writes one).",
  weights:
    "The file must hold the parameters and buffers of this model under their names (safetensors; `mlc train --save` writes one).",
  "non-finite": "The run that wrote it had diverged. `mlc train --keep-going` loads it all the same.",
};

/** What is wrong with the file is told with its name; the trainer is then unchanged. */
export async function loadFile(trainer: Trainer, path: string, options: LoadOptions): Promise<void> {
  const bytes = readBytes(path);
  try {
    await trainer.load(bytes, options);
  } catch (error) {
    if (!(error instanceof TrainerError)) throw error;
    throw new UserError(error.code, `${path}: ${error.message}`, CURES[error.code]);
  }
}
