/** The Node example, run as its first lines say. */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { artifact, directoryOf } from "./artifact.ts";

const examples = new URL("../../docs/examples/", import.meta.url).pathname;

test("the Node example trains, saves, goes on from the file, and predicts", async () => {
  const directory = directoryOf({});
  copyFileSync(join(examples, "node/train.mjs"), join(directory, "train.mjs"));
  mkdirSync(join(directory, "dist"));
  const files = artifact(readFileSync(join(examples, "shapes.model"), "utf8"), { name: "shapes" });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, "dist", name), content);

  const { stdout } = await promisify(execFile)(process.execPath, [join(directory, "train.mjs")]);
  const epochs = [...stdout.matchAll(/^epoch (\d+) {2}loss ([\d.]+) {2}accuracy ([\d.]+) %/gm)];
  expect(epochs.map((match) => Number(match[1]))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(Number(epochs[5][2])).toBeLessThan(0.3);
  expect(Number(epochs[5][3])).toBeGreaterThan(90);
  expect(existsSync(join(directory, "dist/shapes.safetensors"))).toBe(true);
  const right = [...stdout.matchAll(/^(\S.*?) +looks like: (.*)$/gm)].filter(([, is, seems]) => is === seems);
  expect(right.length).toBeGreaterThanOrEqual(8);
});
