import { expect, test } from "vitest";
import { CIFAR10_CLASSES, parseCifar10, synthetic } from "../../runtime/index.ts";

/** A file in CIFAR-10's layout: record i has that label, and pixels that tell their place. */
function binary(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3073);
  labels.forEach((label, i) => {
    bytes[i * 3073] = label;
    for (let p = 0; p < 3072; p++) bytes[i * 3073 + 1 + p] = (i * 7 + p) % 251;
  });
  return bytes;
}

test("CIFAR-10's files become images and labels in their order", () => {
  const files = [
    { name: "data_batch_1.bin", bytes: binary([3, 9, 0]) },
    { name: "data_batch_2.bin", bytes: binary([1]) },
  ];
  const { length, images, labels, shape, classes, names } = parseCifar10(files);
  expect([length, classes, shape, names]).toEqual([4, 10, [3, 32, 32], CIFAR10_CLASSES]);
  expect([...labels]).toEqual([3, 9, 0, 1]);
  expect(images.length).toBe(4 * 3072);
  expect([...images.subarray(2 * 3072, 2 * 3072 + 3)]).toEqual([14, 15, 16]);
  expect([...images.subarray(3 * 3072, 3 * 3072 + 3)]).toEqual([0, 1, 2]);
});

test("a damaged file of CIFAR-10 is named, with what is wrong", () => {
  const parse = (bytes: Uint8Array) => parseCifar10([{ name: "test_batch.bin", bytes }]);
  expect(() => parse(binary([1, 2]).subarray(0, 5000))).toThrow(
    "test_batch.bin: 5000 bytes are no whole number of CIFAR-10 records (3073 bytes each): the file is truncated",
  );
  expect(() => parse(new Uint8Array())).toThrow("test_batch.bin: 0 bytes are no whole number");
  expect(() => parse(binary([1, 10]))).toThrow("test_batch.bin: record 1 has the label 10; CIFAR-10's are 0 … 9");
});

test("synthetic images are a function of seed and split", () => {
  const a = synthetic({ length: 30, seed: 3 });
  expect(a).toMatchObject({ length: 30, classes: 10, shape: [3, 32, 32] });
  expect([...a.labels.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
  expect(synthetic({ length: 30, seed: 3 })).toEqual(a);
  expect(synthetic({ length: 60, seed: 3 }).images.subarray(0, a.images.length)).toEqual(a.images);
  expect(synthetic({ length: 30, seed: 4 }).images).not.toEqual(a.images);
  expect(synthetic({ length: 30, seed: 3, split: "test" }).images).not.toEqual(a.images);
});

test("synthetic images never change", async () => {
  const digest = await crypto.subtle.digest("SHA-256", synthetic({ length: 20 }).images as Uint8Array<ArrayBuffer>);
  expect(Buffer.from(digest).toString("hex")).toMatchInlineSnapshot(
    `"bb51c9d7a67a17052a5e79a523ef43aa24774dcbd843417b414081d91e348458"`,
  );
});

test("synthetic images come in other shapes, and refuse those that are none", () => {
  const { images, shape } = synthetic({ length: 7, shape: [1, 8, 12] });
  expect([images.length, shape]).toEqual([7 * 96, [1, 8, 12]]);
  expect(() => synthetic({ length: 0 })).toThrow("at least one image; the length given is 0");
  expect(() => synthetic({ shape: [784] })).toThrow("channels, height and width; the shape given is [784]");
});
