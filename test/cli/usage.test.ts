/** Wrong command lines are exit code 2, and say what is right. */
import { describe, expect, test } from "vitest";
import { mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const model = work.file("small.model", SMALL);

describe("a wrong command line", () => {
  test.each<[string, string[], string | RegExp]>([
    ["unknown command", ["trian"], "Did you mean train?"],
    ["unknown option", ["train", model, "--epoch", "3"], "Did you mean --epochs?"],
    ["no file", ["train"], "missing required argument 'file'"],
    ["a second file", ["train", model, model], "too many arguments"],
    ["no directory to build into", ["build", model], "--output <dir>"],
    ["no weights to evaluate", ["eval", model], "--weights <file>"],
    ["a count that is none", ["train", model, "--epochs", "2.5"], "It must be a whole number of at least 0."],
    ["a negative count", ["train", model, "--steps", "-1"], "--steps"],
    ["an empty batch", ["train", model, "--batch", "0"], "It must be a whole number of at least 1."],
    ["a seed that is too large", ["train", model, "--seed", "4294967296"], "from 0 to 4294967295"],
    ["no threads", ["train", model, "--threads", "0"], "from 1 to 1024"],
    ["an unknown backend", ["train", model, "--backend", "webgpu"], "Allowed choices are wasm, js"],
    ["float64 in WebAssembly", ["train", model, "--precision", "f64"], "--precision f64 needs --backend js"],
    ["an assignment without a value", ["train", model, "--set", "train.epochs"], "It must be KEY=VALUE"],
    ["resuming from nowhere", ["train", model, "--resume"], "--resume needs --checkpoint-dir"],
    ["an unknown stage", ["explain", model, "--stage", "gradients"], /gradient {2,}\S/],
    ["an unknown dataset", ["data", "cifar11"], "Allowed choices are cifar10"],
  ])("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await mlc(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

test("help is no error, and lists the commands that exist", async () => {
  const { code, stdout } = await mlc(["--help"]);
  expect(code).toBe(0);
  for (const command of ["train", "build", "check", "eval", "explain", "data"]) {
    expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
    expect((await mlc([command, "--help"])).code).toBe(0);
  }
  expect(await mlc(["--version"])).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: "" });
});
