/** CIFAR-100's layout, two labels before each image, on made-up files; and the state of what lies in the cache. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cifarState, locateCifar, readSplit } from "../../compiler/cli/data/cifar.ts";
import { CIFAR100, type CifarFiles, IMAGE_BYTES } from "../../compiler/cli/data/cifar-files.ts";
import { CIFAR100_COARSE, CIFAR100_FINE } from "../../compiler/cli/data/cifar-names.ts";
import { mlc } from "../cli/run.ts";
import { type Server, startServer, tarball } from "./tiny-cifar10.ts";

const LABELS = {
  train: [
    [4, 0],
    [19, 99],
    [0, 55],
  ],
  test: [[7, 31]],
} as const;

/** Records: coarse label, fine label, and pixels that tell image and place. */
function records(split: keyof typeof LABELS): Uint8Array {
  const parts = LABELS[split].map(([coarse, fine], image) => {
    const pixels = Uint8Array.from({ length: IMAGE_BYTES }, (_, i) => (7 * i + 31 * image) % 251);
    return [coarse, fine, ...pixels];
  });
  return Uint8Array.from(parts.flat());
}

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
const file = (split: keyof typeof LABELS) => {
  const data = records(split);
  return { name: `${split}.bin`, bytes: data.length, sha256: sha256(data) };
};

let server: Server;
let base: string;
let tiny: CifarFiles;
beforeEach(async () => {
  server = await startServer();
  base = mkdtempSync(join(tmpdir(), "mlc-cifar100-"));
  const archive = await tarball({
    "cifar-100-binary/fine_label_names.txt": "apple\n",
    "cifar-100-binary/test.bin": records("test"),
    "cifar-100-binary/train.bin": records("train"),
  });
  server.served.set("/tiny.tar.gz", { body: archive });
  tiny = {
    ...CIFAR100,
    files: [file("train"), file("test")],
    archive: {
      name: "tiny.tar.gz",
      url: `${server.origin}/tiny.tar.gz`,
      bytes: archive.length,
      sha256: sha256(archive),
    },
  };
});
afterEach(async () => {
  await server.close();
  rmSync(base, { recursive: true });
});

const io = () => ({
  stdout: { write: () => {} },
  stderr: { write: () => {} },
  env: { PATH: process.env.PATH, HOME: base, XDG_CACHE_HOME: base },
  interrupt: new AbortController().signal,
});
const options = () => ({ io: io(), quiet: true, retryMs: 1, connectMs: 2000 });

test("is fetched, verified and read with either label", async () => {
  const directory = await locateCifar(tiny, tiny.files, options());
  for (const [at, names] of [
    [0, CIFAR100_COARSE],
    [1, CIFAR100_FINE],
  ] as const) {
    const { length, images, labels, shape, classes } = readSplit(tiny, directory, "train", at, names);
    expect({ length, shape, classes }).toEqual({ length: 3, shape: [3, 32, 32], classes: names.length });
    expect([...labels]).toEqual(LABELS.train.map((both) => both[at]));
    expect(images).toEqual(
      Uint8Array.from(
        { length: 3 * IMAGE_BYTES },
        (_, i) => (7 * (i % IMAGE_BYTES) + 31 * Math.floor(i / IMAGE_BYTES)) % 251,
      ),
    );
  }
  expect(cifarState(tiny, undefined, io().env)).toMatchObject({ directory, state: "verified" });
  expect(readSplit(tiny, directory, "test", 1, CIFAR100_FINE).labels).toEqual(Uint8Array.of(31));
});

test("says where it could come from when it cannot be fetched; no package is tried", async () => {
  server.served.clear();
  const failure = await locateCifar(tiny, tiny.files, options()).catch((error) => error);
  expect(failure.message).toMatch(/^CIFAR-100 could not be fetched\n.*tiny\.tar\.gz: the server answered 404/);
  expect(failure.message).not.toContain("npm");
  expect(failure.help).toMatch(/bring .*tiny\.tar\.gz from another machine and put it into .*cifar-100-binary/);
});

test("is refused where it was altered, or is not whole", async () => {
  const directory = join(base, "own");
  mkdirSync(directory);
  const state = () => cifarState(tiny, directory, io().env).state;
  expect(state()).toBe("not here");
  writeFileSync(join(directory, "train.bin"), records("train").with(9, 99));
  expect(state()).toBe("incomplete");
  writeFileSync(join(directory, "test.bin"), records("test"));
  expect(state()).toBe("altered");
  expect(() => readSplit(tiny, directory, "train", 1, CIFAR100_FINE)).toThrow("train.bin was altered");
  writeFileSync(join(directory, "train.bin"), records("train").slice(1));
  expect(() => readSplit(tiny, directory, "train", 1, CIFAR100_FINE)).toThrow("train.bin is truncated");
});

test("has its classes in the order of their names", () => {
  for (const [names, count] of [
    [CIFAR100_COARSE, 20],
    [CIFAR100_FINE, 100],
  ] as const) {
    expect(names.length).toBe(count);
    expect([...names].sort()).toEqual(names);
  }
});

test("`mlc data` lists the datasets without fetching any", async () => {
  const { code, stdout } = await mlc(["data", "--data", base, "--json"]);
  expect(code).toBe(0);
  const names = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).name);
  expect(names).toEqual(["cifar10", "cifar100"]);
  expect((await mlc(["data", "cifar11"])).code).toBe(2);
});
