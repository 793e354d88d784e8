/** `mlc check`: diagnostics for people and for tools. */
import { describe, expect, test } from "vitest";
import { expectUserError, jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const good = work.file("good.model", SMALL);
const bad = work.file(
  "bad.model",
  SMALL.replace("max_pool2d(2)", "max_pool(2)").replace("linear(10)", "linear(width = 10)"),
);

test("a model without errors", async () => {
  expect(await mlc(["check", good])).toEqual({ code: 0, stdout: `${good}: no errors\n`, stderr: "" });
  expect(await mlc(["check", good, "--json"])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await mlc(["check", good, "--quiet"])).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("every error of every file, with place, source and caret", async () => {
  const result = await mlc(["check", good, bad, work.path("none.model")]);
  expectUserError(result, `${bad}:7:5`, "max_pool(2)", /\^{8}/, "max_pool2d", `${bad}:10:16`, "none.model", "ENOENT");
  expect(result.stdout).toBe(`${good}: no errors\n`);
});

test("as JSON, one object a line", async () => {
  const { code, stdout, stderr } = await mlc(["check", bad, work.path("none.model"), "--json"]);
  expect(code).toBe(1);
  expect(stderr).toBe("");
  const [first, ...others] = jsonLines(stdout);
  expect(first).toMatchObject({
    event: "diagnostic",
    severity: "error",
    place: { file: bad, line: 7, column: 5, endLine: 7, endColumn: 13 },
  });
  expect(first.code).toBeTypeOf("string");
  expect(first.help).toContain("max_pool2d");
  expect(others.at(-1)).toMatchObject({ event: "error", code: "file" });
});

describe("files that are no models", () => {
  test.each<[string, string | Uint8Array]>([
    ["empty", ""],
    ["noise", Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 2654435761) >>> 13)],
    ["one long line", "a ".repeat(500_000)],
    ["no end of brackets", "model m { net { ".repeat(10_000)],
    ["no text", new Uint8Array(1000)],
  ])("%s", async (_, content) => {
    expectUserError(await mlc(["check", work.file("noise.model", content)]), "error");
  });

  test("a directory", async () => {
    expectUserError(await mlc(["check", work.directory]), "EISDIR");
  });
});

test("--set is checked too, and its errors are placed in it", async () => {
  expectUserError(await mlc(["check", good, "--set", "optimizer.rate=1"]), "--set:1:1", "optimizer.rate=1");
  expectUserError(await mlc(["check", good, "--set", "train.epochs=)"]), "--set", "train.epochs=)");
});
