/** `--checkpoint-dir`: whole training states, one file each, named by the updates done. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Trainer } from "../../../runtime/index.ts";
import { fileError, systemCode } from "../errors.ts";
import { removeLeftovers, writeAtomically } from "../files.ts";

const NAME = /^step-(\d+)\.safetensors$/;

export async function saveCheckpoint(directory: string, trainer: Trainer): Promise<string> {
  const path = join(directory, `step-${String(trainer.progress.step).padStart(8, "0")}.safetensors`);
  await writeAtomically(path, await trainer.save());
  removeLeftovers(directory, (name) => NAME.test(name));
  return path;
}

/** The file of the most updates; null if there is none. */
export function latestCheckpoint(directory: string): string | null {
  const steps = listing(directory).flatMap((name) => {
    const match = NAME.exec(name);
    return match === null ? [] : [{ name, step: Number(match[1]) }];
  });
  if (steps.length === 0) return null;
  return join(directory, steps.reduce((a, b) => (b.step > a.step ? b : a)).name);
}

function listing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw fileError(error, `cannot read the checkpoint directory ${directory}`);
  }
}
