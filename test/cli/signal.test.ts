/** The executable and Ctrl-C: it saves what it was told to, and exits with 130. Needs the build (`npm run build`). */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
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

test("an error is an exit code and a message, not a trace", async () => {
  const { end, texts } = start(["train", work.path("none.model")]);
  expect(await end).toEqual({ code: 1 });
  expect(texts.stderr).toMatch(/^error: cannot read .*none\.model/);
  expect(existsSync(work.path("none.model"))).toBe(false);
});
