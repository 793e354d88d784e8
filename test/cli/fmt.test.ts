/** `mlc fmt`: files, folders, `--check`, errors. */
import { mkdirSync } from "node:fs";
import { expect, test } from "vitest";
import { expectUserError, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const canonical = SMALL.replace("input  image", "input image");

test("writes the canonical form, and nothing where it is there", async () => {
  const file = work.file("a.model", SMALL);
  expect(await mlc(["fmt", file])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(work.read("a.model").toString()).toBe(canonical);
  expect(await mlc(["fmt", file, "--check"])).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("--check lists files and leaves them", async () => {
  const file = work.file("b.model", SMALL);
  expect(await mlc(["fmt", "--check", file])).toEqual({ code: 1, stdout: `${file}\n`, stderr: "" });
  expect(work.read("b.model").toString()).toBe(SMALL);
});

test("a folder means the models below it", async () => {
  mkdirSync(work.path("folder/deep"), { recursive: true });
  const [one, two] = [work.file("folder/one.model", SMALL), work.file("folder/deep/two.model", SMALL)];
  work.file("folder/notes.txt", "no model");
  expect((await mlc(["fmt", "--check", work.path("folder")])).stdout).toBe(`${two}\n${one}\n`);
  await mlc(["fmt", work.path("folder")]);
  expect(work.read("folder/deep/two.model").toString()).toBe(canonical);
});

test("a file with syntax errors stays as it is; the others are formatted", async () => {
  const broken = SMALL.replace("linear(10)", "linear(10");
  const [bad, good] = [work.file("bad.model", broken), work.file("good.model", SMALL)];
  expectUserError(await mlc(["fmt", bad, work.path("none.model"), good]), `${bad}:`, "ENOENT");
  expect(work.read("bad.model").toString()).toBe(broken);
  expect(work.read("good.model").toString()).toBe(canonical);
});
