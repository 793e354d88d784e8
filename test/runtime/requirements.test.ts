/** What a model asserts about the number of samples: batches that it refuses, before anything is changed. */
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createTrainer, type Trainer, TrainerError } from "../../runtime/index.ts";
import { expectUserError, mlc, SMALL, Workplace } from "../cli/run.ts";
import { uniform } from "../parity/fixtures.ts";

const FEATURES = "fc1: linear(4); norm: batch_norm1d; fc2: linear(2)";
const PIXELS = "reshape(in, [n, 6, 1, 1]); norm: batch_norm2d; flatten; fc: linear(2)";

const source = (net: string, settings: string, more = ""): string => `model small {
  input  x: f32[6]
  target y: f32[2]
  net { ${net} }
  loss mse(net, y)
  ${more}
  optimizer sgd(lr = 0.1)
  train { epochs = 2, ${settings} }
}`;
const make = (net: string, settings: string, more?: string): Promise<Trainer> =>
  createTrainer(compile(source(net, settings, more)).executable());
const samples = (n: number) => ({ x: uniform("required x", [n, 6], -1, 1), y: uniform("required y", [n, 2], -1, 1) });

/** The message; nothing of the trainer has changed. */
async function refusal(trainer: Trainer, action: () => Promise<unknown>): Promise<string> {
  const before = await trainer.save();
  const error: TrainerError = await action().then(
    () => null,
    (e) => e,
  );
  expect(error).toBeInstanceOf(TrainerError);
  expect(error.code).toBe("input");
  expect(await trainer.save()).toEqual(before);
  return error.message;
}

async function train(trainer: Trainer, n: number): Promise<number> {
  for await (const _ of trainer.fit(samples(n)));
  return trainer.progress.step;
}

describe.each([
  ["batch_norm1d of features", FEATURES],
  ["batch_norm2d of single pixels", PIXELS],
])("%s", (_, net) => {
  const ONE = /batch normalisation needs more than one value for each channel, and a sample has one \(model:4:\d+\)/;

  it("refuses to train on one sample", async () => {
    const trainer = await make(net, "batch = 4");
    const message = await refusal(trainer, () => trainer.step(samples(1)));
    expect(message).toMatch(ONE);
    expect(message).toMatch(/^a batch has 1: .*; give more samples$/);
    expect((await trainer.step(samples(2))).loss).toBeGreaterThan(0);
  });

  it("refuses a run whose last batch would be one sample", async () => {
    const trainer = await make(net, "batch = 4");
    const message = await refusal(trainer, () => train(trainer, 9));
    expect(message).toMatch(ONE);
    expect(message).toMatch(
      /^the last batch of the 9 samples has 1: .*; leave it out \(drop_last = true\), or take an/,
    );
    expect(await train(trainer, 10)).toBe(6);
    expect(await train(await make(net, "batch = 4, drop_last = true"), 9)).toBe(4);
  });

  it("refuses an update of several batches if the last would be one sample", async () => {
    const trainer = await make(net, "batch = 4, accumulate = 3");
    expect(await refusal(trainer, () => trainer.step(samples(9)))).toMatch(ONE);
    expect(await refusal(trainer, () => train(trainer, 17))).toMatch(ONE);
    expect((await trainer.step(samples(10))).n).toBe(10);
  });

  it("evaluates and predicts one sample by the running statistics", async () => {
    const trainer = await make(net, "batch = 4");
    expect((await trainer.evaluate(samples(5))).n).toBe(5);
    expect((await trainer.predict(samples(1))).n).toBe(1);
  });

  it("refuses that too where there are none", async () => {
    const trainer = await make(net.replace(/batch_norm.d/, "$&(track_running_stats = false)"), "batch = 4");
    expect(await refusal(trainer, () => trainer.evaluate(samples(5)))).toMatch(/; take another batch size than 4$/);
    expect(await refusal(trainer, () => trainer.predict(samples(1)))).toMatch(ONE);
  });

  it("is warned about where batches are single samples", async () => {
    const [warning] = compile(source(net, "batch = 1")).warnings;
    expect(warning).toMatchObject({ code: "batch-refused", severity: "warning" });
    expect(warning.span!.file.text.slice(warning.span!.start, warning.span!.end)).toMatch(/^batch_norm/);
    const trainer = await make(net, "batch = 1");
    expect(await refusal(trainer, () => train(trainer, 3))).toMatch(/; take another batch size than 1$/);
  });
});

it("lets single samples of several places train", async () => {
  const trainer = await make("reshape(in, [n, 2, 3, 1]); batch_norm2d; flatten; fc: linear(2)", "batch = 4");
  expect(trainer.manifest.requirements).toBeUndefined();
  expect(await train(trainer, 9)).toBe(6);
});

it("holds a program to what it computes alone", async () => {
  const odd = 'fn odd(x) { assert n % 2 == 1, "an odd number"; x }';
  const trainer = await make("fc: linear(2)", "batch = 5", `metric off: mse(odd(net), y)\n${odd}`);
  expect((await trainer.step(samples(4))).n).toBe(4);
  expect((await trainer.predict(samples(4))).n).toBe(4);
  const message = await refusal(trainer, () => trainer.evaluate(samples(9)));
  expect(message).toMatch(/^the last batch of the 9 samples has 4: an odd number \(model:7:\d+\)/);
});

it("is told on the command line before a run begins", async () => {
  const place = new Workplace();
  const text = SMALL.replace("flatten", "flatten; norm: batch_norm1d").replace("size = 300", "size = 33");
  const [file, weights] = [place.file("small.model", text), place.file("weights", "as before")];
  expectUserError(
    await mlc(["train", file, "--save", weights]),
    "the last batch of the 33 samples has 1: ",
    "drop_last",
  );
  expect(place.read("weights").toString()).toBe("as before");
  expect((await mlc(["train", file, "--set", "train.drop_last=true", "--epochs", "1"])).code).toBe(0);
});
