/** `--save-best`, `--patience` and `--eval-every`: the weights of the best evaluation, and an end when none gets better. */
import { expect, test } from "vitest";
import { decodeSafetensors } from "../../runtime/index.ts";
import { expectUserError, jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const place = new Workplace();
const file = place.file("small.model", SMALL);
const best = place.path("best.safetensors");
const evaluations = (stdout: string) => jsonLines(stdout).filter(({ event }) => event === "eval");
const train = (...args: string[]) => mlc(["train", file, "--json", "--threads", "1", ...args]);

test("the file holds the weights of the best evaluation", async () => {
  for (const [metric, better] of [
    ["accuracy", Math.max],
    ["loss", Math.min],
    ["accuracy:min", Math.min],
  ] as const) {
    const { stdout } = await train("--epochs", "6", "--save-best", best, "--metric", metric);
    const name = metric.replace(/:.*/, "");
    const values = evaluations(stdout).map((event) => event[name] as number);
    const { metadata } = decodeSafetensors(place.read("best.safetensors"));
    expect(Number(metadata["mlc.best.value"])).toBe(better(...values));
    expect(Number(metadata["mlc.best.epoch"])).toBe(1 + values.indexOf(better(...values)));
    const [event] = jsonLines((await mlc(["eval", file, "--weights", best, "--json"])).stdout);
    expect(event[name]).toBe(better(...values));
  }
});

test("training ends after so many evaluations that are not better; a resumed run counts on", async () => {
  // A rate of nearly 0: no evaluation is better than the first.
  const still = ["--set", "optimizer.lr=1e-30", "--epochs", "9"];
  const { stdout } = await train(...still, "--patience", "3");
  expect(evaluations(stdout).map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
  const kept = ["--save-best", best, "--checkpoint-dir", place.path("run"), "--patience", "5"];
  await train(...still, "--epochs", "3", ...kept);
  const resumed = await train(...still, "--resume", ...kept);
  expect(evaluations(resumed.stdout).map(({ epoch }) => epoch)).toEqual([4, 5, 6]);
  expect(decodeSafetensors(place.read("best.safetensors")).metadata["mlc.best.epoch"]).toBe("1");
  const text = await mlc(["train", file, ...still, "--patience", "1"]);
  expect(text.stdout).toMatch(/stopped early: best accuracy 0\.\d{4} after epoch 1\n/);
});

test("every k-th epoch is evaluated, and the last", async () => {
  const { stdout } = await train("--epochs", "5", "--eval-every", "2");
  expect(evaluations(stdout).map(({ epoch }) => epoch)).toEqual([2, 4, 5]);
});

test("an unknown metric, or no evaluation, is told before training", async () => {
  const unknown = await mlc(["train", file, "--metric", "acuracy"]);
  expect(unknown).toMatchObject({ code: 2, stdout: "" });
  expect(unknown.stderr).toContain("the model has no metric acuracy");
  expect(unknown.stderr).toContain("It has loss, accuracy.");
  const folder = SMALL.replace(/data .*/, `data npy("${place.directory}")`);
  expectUserError(await mlc(["train", place.file("npy.model", folder), "--save-best", best]), "images.npy");
});
