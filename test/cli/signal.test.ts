/** The executable and Ctrl-C: it saves what it was told to, and exits with 130. Needs the build (`npm run build`). */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { decodeSafetensors } from "../../runtime/index.ts";
import { SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const model = work.file("small.model", SMALL);
const executable = fileURLToPath(new URL("../../dist/mlc.js", import.meta.url));

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [executable, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  const steps = new Promise<void>((resolve) => {
    child.stdout.on("data", (text) => {
      texts.stdout += text;
      if (texts.stdout.includes('"event":"step"')) resolve();
    });
  });
  child.stderr.on("data", (text) => {
    texts.stderr += text;
  });
  const end = new Promise<{ code: number | null }>((resolve) => child.on("close", (code) => resolve({ code })));
  return { child, steps, end, texts };
}

test.each(["SIGINT", "SIGTERM"] as const)("%s saves and exits with 130", async (signal) => {
  const weights = work.path(`${signal}.safetensors`);
  const { child, steps, end, texts } = start(["train", model, "--epochs", "1000000", "--save", weights, "--json"]);
  await steps;
  child.kill(signal);
  expect(await end).toEqual({ code: 130 });
  expect(texts.stderr).toBe("");
  expect(decodeSafetensors(new Uint8Array(work.read(`${signal}.safetensors`))).tensors.size).toBe(4);
});

test("signals that come together are one", async () => {
  const weights = work.path("twice.safetensors");
  const { child, steps, end } = start(["train", model, "--epochs", "1000000", "--save", weights, "--json"]);
  await steps;
  for (let i = 0; i < 3; i++) child.kill("SIGINT");
  expect(await end).toEqual({ code: 130 });
  expect(decodeSafetensors(new Uint8Array(work.read("twice.safetensors"))).tensors.size).toBe(4);
});

test("an error is an exit code and a message, not a trace", async () => {
  const { end, texts } = start(["train", work.path("none.model")]);
  expect(await end).toEqual({ code: 1 });
  expect(texts.stderr).toMatch(/^error: cannot read .*none\.model/);
  expect(existsSync(work.path("none.model"))).toBe(false);
});

test.runIf(existsSync("/dev/full"))("output that cannot be written is an error with its cause", async () => {
  const run = (redirection: string) =>
    promisify(execFile)("sh", [
      "-c",
      `'${process.execPath}' '${executable}' train '${model}' --epochs 1 ${redirection}`,
    ]);
  await expect(run(">/dev/full")).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^error: cannot write the output: no space is left on the device \(ENOSPC\)\nhelp: /m,
    ),
  });
  // A reader that left, and messages that nobody reads, are none.
  await expect(run("| head -1")).resolves.toMatchObject({ stderr: "" });
  await expect(run("2>/dev/full")).resolves.toMatchObject({ stdout: expect.stringContaining("epoch 1/1") });
});
