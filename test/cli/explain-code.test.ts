/** `mlc explain CODE`: what the catalogue says. */
import { expect, test } from "vitest";
import { codes } from "../../compiler/errors.ts";
import { mlc } from "./run.ts";

test.each(codes())("%s", async (code) => {
  const { code: exit, stdout, stderr } = await mlc(["explain", code]);
  expect([exit, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(new RegExp(`^(error|warning)\\[${code}\\]: \\S`));
  expect(stdout).not.toMatch(/```|^#/m);
});

test("a code that does not exist", async () => {
  const { code, stderr } = await mlc(["explain", "unknown-nam"]);
  expect(code).toBe(2);
  expect(stderr).toContain("unknown-name");
});
