/**
 * CIFAR-10 in the official binary layout: records of a label and 32 × 32 pixels in planes (red, green, blue; rows from the
 * top), so an image is already channels × height × width. https://www.cs.toronto.edu/~kriz/cifar.html
 */
import type { Dataset } from "./dataset.ts";
import { TrainerError } from "./errors.ts";

export const CIFAR10_CLASSES: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];
const SHAPE = [3, 32, 32];
const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;

/** The images of some files, in their order. Names are for messages. */
export function parseCifar10(files: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Dataset {
  for (const { name, bytes } of files) {
    if (bytes.length === 0 || bytes.length % RECORD !== 0) {
      const found = `${name}: ${bytes.length} bytes are no whole number of CIFAR-10 records (${RECORD} bytes each)`;
      throw new TrainerError("dataset", `${found}: the file is truncated, or another format`);
    }
  }
  const length = files.reduce((sum, file) => sum + file.bytes.length / RECORD, 0);
  const dataset = { length, images: new Uint8Array(length * PIXELS), labels: new Uint8Array(length) };
  let at = 0;
  for (const { name, bytes } of files) at = readRecords(bytes, name, dataset, at);
  return { ...dataset, shape: SHAPE, classes: CIFAR10_CLASSES.length, names: CIFAR10_CLASSES };
}

/** Writes the file's records to the dataset from sample `at`; the sample after the last. */
function readRecords(
  bytes: Uint8Array,
  name: string,
  into: { images: Uint8Array; labels: Uint8Array },
  at: number,
): number {
  const records = bytes.length / RECORD;
  for (let i = 0; i < records; i++) {
    const label = bytes[i * RECORD];
    if (label >= CIFAR10_CLASSES.length) {
      const found = `${name}: record ${i} has the label ${label}; CIFAR-10's are 0 … 9`;
      throw new TrainerError("dataset", `${found}: the file is damaged, or another format`);
    }
    into.labels[at + i] = label;
    into.images.set(bytes.subarray(i * RECORD + 1, (i + 1) * RECORD), (at + i) * PIXELS);
  }
  return at + records;
}
