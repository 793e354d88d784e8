/** `mlc train` of models/ on the real CIFAR-10, from the weights of PyTorch's run, against its losses. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeSafetensors } from "../../runtime/index.ts";
import { type Golden, goldens, initialWeights } from "./golden.ts";
import { compileFor, trainerOf, worst } from "./train.ts";

const mlc = fileURLToPath(new URL("../../dist/mlc.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mlc-parity-"));
const golden = (name: string) => goldens("models").find((entry) => entry.name === name)!;
afterAll(() => rmSync(folder, { recursive: true }));

interface Event {
  readonly event: "step" | "epoch" | "eval";
  readonly loss: number;
  readonly lr: number;
  readonly loss_sum: number;
  readonly accuracy: number;
}

/** The model as its file says it, but for the random flips: PyTorch's would be others. */
async function trainAs({ name }: Golden, ...options: string[]): Promise<Record<Event["event"], Event[]>> {
  const model = join(folder, `${name}.model`);
  const text = readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");
  writeFileSync(model, text.replace(/^ *random_flip\n/m, ""));
  const trainer = await trainerOf(compileFor(text, "wasm"));
  const buffers = trainer.tensors().filter(({ kind }) => kind === "buffer");
  const [init, log] = [join(folder, `${name}.safetensors`), join(folder, `${name}.jsonl`)];
  writeFileSync(init, encodeSafetensors([...initialWeights(trainer.parameters()), ...buffers]));
  const files = ["--init", init, "--log", log];
  await promisify(execFile)(process.execPath, [mlc, "train", model, ...files, "--no-shuffle", "--quiet", ...options]);
  const events: Event[] = readFileSync(log, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const of = (kind: Event["event"]) => events.filter(({ event }) => event === kind);
  return { step: of("step"), epoch: of("epoch"), eval: of("eval") };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe("cifar_net, one epoch of the training split", () => {
  const { losses, rates, test } = golden("cifar_net");
  let events: Awaited<ReturnType<typeof trainAs>>;
  beforeAll(async () => {
    events = await trainAs(golden("cifar_net"), "--epochs", "1");
  }, 3_600_000);

  it("takes PyTorch's learning rates", () => {
    expect(events.step.length).toBe(losses.length);
    for (const [i, rate] of rates!.entries()) expect(Math.abs(events.step[i].lr - rate)).toBeLessThan(1e-12);
  });
  it("has PyTorch's losses: within 5e-4 in steps 1–50, 2e-2 in steps 1–157", () => {
    expect(worst(events.step, losses, 50)).toBeLessThanOrEqual(5e-4);
    expect(worst(events.step, losses, 157)).toBeLessThanOrEqual(2e-2);
  });
  it("has PyTorch's sum of losses within 1%", () => {
    expect(Math.abs(events.epoch[0].loss_sum / sum(losses) - 1)).toBeLessThanOrEqual(0.01);
  });
  it("reaches PyTorch's accuracy on the test split within 2 points", () => {
    expect(Math.abs(events.eval[0].accuracy - test!.accuracy)).toBeLessThanOrEqual(0.02);
  });
});

/** Normalisation of small batches soon amplifies rounding: PyTorch's float32 is within 7e-5 in 3 steps, 1.6% in sums of 50. */
describe("resnet20, 200 steps", () => {
  it("falls as PyTorch's losses do", async () => {
    const { losses } = golden("resnet20");
    const cycle = "optimizer.lr=one_cycle(max_lr = 0.1, total_steps = 200)";
    const { step } = await trainAs(golden("resnet20"), "--batch", "32", "--steps", "200", "--set", cycle);
    expect(worst(step, losses, 3)).toBeLessThanOrEqual(2e-3);
    for (let from = 0; from < losses.length; from += 50) {
      const mine = sum(step.slice(from, from + 50).map(({ loss }) => loss));
      expect(Math.abs(mine / sum(losses.slice(from, from + 50)) - 1), `steps from ${from + 1}`).toBeLessThanOrEqual(
        0.05,
      );
    }
  });
});
