/** `mlc train` where an update takes several batches and the weights are averaged. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeSafetensors } from "../../runtime/index.ts";
import { jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const model = work.file(
  "small.model",
  SMALL.replace("epochs = 3, batch = 32", "epochs = 2, batch = 32, accumulate = 4, clip_norm = 0.5, ema = 0.8"),
);

test("--log has a line for each update; --steps counts updates", async () => {
  await mlc(["train", model, "--log", work.path("a.jsonl")]);
  const steps = work.lines("a.jsonl").filter(({ event }) => event === "step");
  // 300 samples are nine batches of 32 and one of 12: updates of four, four and two.
  expect(steps.map(({ step, epoch, n }) => [step, epoch, n])).toEqual([
    [1, 1, 128],
    [2, 1, 128],
    [3, 1, 44],
    [4, 2, 128],
    [5, 2, 128],
    [6, 2, 44],
  ]);
  const [epoch] = work.lines("a.jsonl").filter(({ event }) => event === "epoch");
  const sum = steps.slice(0, 3).reduce((total, { loss }) => total + (loss as number), 0);
  expect(epoch).toMatchObject({ loss_sum: expect.closeTo(sum, 10), loss_mean: expect.closeTo(sum / 3, 10) });
  const { stdout } = await mlc(["train", model, "--steps", "8"]);
  expect(stdout).toMatch("3 epochs of 3 steps, batch 4 · 32");
  expect(stdout).toMatch("stopped after step 8");
});

test("--save and the evaluations have the averages; --no-average the weights; a checkpoint both", async () => {
  const evaluation = async (...options: string[]) => {
    const { stdout } = await mlc(["eval", model, "--json", ...options]);
    return jsonLines(stdout)[0].loss;
  };
  const last = (log: string) => work.lines(log).at(-1)!.loss;
  const checkpoints = work.path("checkpoints");
  await mlc(["train", model, "--save", work.path("w"), "--log", work.path("w.jsonl"), "--checkpoint-dir", checkpoints]);
  await mlc(["train", model, "--save", work.path("v"), "--log", work.path("v.jsonl"), "--no-average"]);
  const [averaged, own] = [last("w.jsonl"), last("v.jsonl")];
  expect(averaged).not.toBe(own);
  expect(await evaluation("--weights", work.path("w"))).toBe(averaged);
  expect(await evaluation("--weights", work.path("v"))).toBe(own);
  const checkpoint = `${checkpoints}/${readdirSync(checkpoints).sort().at(-1)}`;
  expect(await evaluation("--weights", checkpoint)).toBe(averaged);
  expect(await evaluation("--weights", checkpoint, "--no-average")).toBe(own);
  expect([...decodeSafetensors(work.read("w")).tensors.keys()]).not.toContain("fc.weight@average");
});

test("any number of threads gives the same bytes, and so does stopping", async () => {
  const save = (name: string, ...options: string[]) => mlc(["train", model, "--save", work.path(name), ...options]);
  await save("one", "--threads", "1");
  await save("two", "--threads", "2");
  expect(work.read("two").equals(work.read("one"))).toBe(true);
  const directory = ["--checkpoint-dir", work.path("stopped")];
  await save("half", "--epochs", "1", ...directory);
  await save("rest", "--resume", ...directory);
  expect(work.read("rest").equals(work.read("one"))).toBe(true);
});
