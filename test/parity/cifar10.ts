/** The real CIFAR-10, from where `mlc data cifar10` puts it. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseCifar10 } from "../../runtime/index.ts";
import type { Data } from "./golden.ts";

const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mlc", "cifar-10-batches-bin");

function read(names: readonly string[]): Data {
  const { images, labels } = parseCifar10(names.map((name) => ({ name, bytes: readFileSync(join(folder, name)) })));
  return { x: images as Uint8Array, label: labels as Uint8Array };
}

export const testSplit = (): Data => read(["test_batch.bin"]);

/** The first samples of the training split. */
export function trainSplit(samples: number): Data {
  const { x, label } = read([1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`));
  return { x: x.subarray(0, samples * 3072), label: Uint8Array.from(label).subarray(0, samples) };
}
