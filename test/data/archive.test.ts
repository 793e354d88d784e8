/** Archives are read file by file, and reading can be given up at any moment. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashFile, readArchive } from "../../compiler/cli/data/archive.ts";
import { tarball } from "./tiny-cifar10.ts";

const NAMES = ["a", "b", "c", "d"];
const BYTES = 3 << 20;
const directory = mkdtempSync(join(tmpdir(), "mlc-archive-"));
const path = join(directory, "large.tar.gz");

beforeAll(async () => {
  const file = Uint8Array.from({ length: BYTES }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  writeFileSync(path, await tarball(Object.fromEntries(NAMES.map((name) => [`folder/${name}`, file]))));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The names of the files read; `visit` sees each as it comes. */
async function read(signal: AbortSignal, visit: (name: string) => unknown = () => {}, wanted = (_: string) => true) {
  const names: string[] = [];
  for await (const { name, data } of readArchive(path, wanted, signal)) {
    expect(data).toHaveLength(BYTES);
    names.push(name);
    if (visit(name) === "stop") break;
  }
  return names;
}

/** Whether this process has the archive open. */
function isOpen(): boolean {
  return readdirSync("/proc/self/fd").some((fd) => {
    try {
      return readlinkSync(join("/proc/self/fd", fd)) === path;
    } catch {
      return false;
    }
  });
}

async function expectClosed(): Promise<void> {
  for (let tries = 0; isOpen() && tries < 100; tries++) await sleep(10);
  expect(isOpen()).toBe(false);
}

test("whole, and the wanted files alone", async () => {
  const { signal } = new AbortController();
  expect(await read(signal)).toEqual(NAMES);
  expect(await read(signal, undefined, (name) => name > "b")).toEqual(["c", "d"]);
});

test.runIf(process.platform === "linux").each([
  ["before it began", (stop: AbortController) => stop.abort()],
  ["in the middle of a file", (stop: AbortController) => sleep(1).then(() => stop.abort())],
])("aborted %s", async (_, begin) => {
  const stop = new AbortController();
  const began = begin(stop);
  await expect(read(stop.signal)).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  await began;
  await expectClosed();
});

test.runIf(process.platform === "linux")("aborted, or left, after a file: what follows is not read", async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  const visit = (name: string) => {
    seen.push(name);
    if (name === "b") stop.abort();
  };
  await expect(read(stop.signal, visit)).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  expect(seen).toEqual(["a", "b"]);
  await expectClosed();
  expect(await read(new AbortController().signal, () => "stop")).toEqual(["a"]);
  await expectClosed();
});

test("hashing is aborted too", async () => {
  await expect(hashFile(path, "sha256", "hex", AbortSignal.abort())).rejects.toThrow(
    expect.objectContaining({ name: "AbortError" }),
  );
});
