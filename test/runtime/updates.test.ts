/** Updates of several batches, and averages of the weights: steps, checkpoints, files. */
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createTrainer, decodeSafetensors, type FitStep, type Trainer } from "../../runtime/index.ts";
import { uniform } from "../parity/fixtures.ts";

const SAMPLES = 20;
const data = { x: uniform("updates x", [SAMPLES, 7], -1, 1), values: uniform("updates y", [SAMPLES, 3], -1, 1) };

const compiled = (settings: string, net = "fc1: linear(5); norm: batch_norm1d; dropout(0.3); fc2: linear(3)") =>
  compile(`model small {
    input  x: f32[7]
    target values: f32[3]
    net { ${net} }
    loss mse(net, values)
    optimizer adam(lr = cosine(0.1, T_max = total_steps, at = step))
    train { epochs = 3, ${settings} }
  }`);

const make = (settings: string, net?: string, seed = 1): Promise<Trainer> =>
  createTrainer(compiled(settings, net).executable(), { seed });

/** Ends where `stop` says so: it is asked before each batch. */
async function run(trainer: Trainer, stop: () => boolean = () => false): Promise<FitStep[]> {
  const steps: FitStep[] = [];
  const signal = {
    get aborted() {
      return stop();
    },
  } as AbortSignal;
  for await (const _ of trainer.fit(data, { signal, onStep: (step) => void steps.push(step) }));
  return steps;
}

describe("an update of several batches", () => {
  it("counts as one step, of all its samples; what is left of an epoch is one too", async () => {
    const steps = await run(await make("batch = 3, accumulate = 3"));
    expect(steps.map(({ n }) => n)).toEqual([9, 9, 2, 9, 9, 2, 9, 9, 2]);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(steps.map(({ done }) => done)).toEqual([9, 18, 20, 9, 18, 20, 9, 18, 20]);
    expect(steps[0].totalSteps).toBe(9);
    // The schedule has the length of the run in updates.
    steps.forEach(({ lr }, step) => void expect(lr).toBeCloseTo(0.05 * (1 + Math.cos((Math.PI * step) / 9)), 12));
  });

  it("leaves out a smaller batch with drop_last, not a smaller update", async () => {
    const steps = await run(await make("batch = 3, accumulate = 4, drop_last = true"));
    expect(steps.map(({ n }) => n)).toEqual([12, 6, 12, 6, 12, 6]);
  });

  it("may be a whole epoch", async () => {
    const steps = await run(await make("batch = 3, accumulate = 1000000"));
    expect(steps.map(({ n }) => n)).toEqual([20, 20, 20]);
  });

  it("is what a batch as large would be", async () => {
    const net = "fc1: linear(5); tanh; fc2: linear(3)";
    const [many, one] = [await make("batch = 2, accumulate = 3", net), await make("batch = 6", net)];
    const [parts, whole] = [await run(many), await run(one)];
    parts.forEach(({ loss, lr, n }, i) => {
      expect(Math.abs(loss - whole[i].loss) / loss).toBeLessThan(1e-5);
      expect([lr, n]).toEqual([whole[i].lr, whole[i].n]);
    });
  });

  it("is one call of step, with up to as many samples", async () => {
    const net = "fc1: linear(5); tanh; fc2: linear(3)";
    const [alone, fitted] = [
      await make("batch = 4, accumulate = 5, shuffle = false", net),
      await make("batch = 4, accumulate = 5, shuffle = false", net),
    ];
    const steps = await run(fitted);
    expect(await alone.step(data)).toMatchObject({ step: 1, n: 20, loss: steps[0].loss });
    const tooMany = { x: new Float32Array(21 * 7), values: new Float32Array(21 * 3) };
    await expect(alone.step(tooMany)).rejects.toThrow("compiled for batches of at most 20 samples, found 21");
  });

  it.each([1, 2, 3, 4, 5, 8, 13, 20])("stopped after batch %i of 21 goes on to the same bytes", async (stopAt) => {
    const settings = "batch = 3, accumulate = 3, ema = 0.9, ema_buffers = true";
    const whole = await make(settings);
    const expected = await run(whole);
    const first = await make(settings);
    let asked = 0;
    const before = await run(first, () => asked++ >= stopAt);
    expect(first.progress.batches).toBe(stopAt);
    const second = await make(settings, undefined, 77);
    await second.load(await first.save());
    expect(second.progress).toEqual(first.progress);
    const after = await run(second);
    expect([...before, ...after].map(({ loss }) => loss)).toEqual(expected.map(({ loss }) => loss));
    expect(await second.save()).toEqual(await whole.save());
  });

  it("is ended by fit, not by step", async () => {
    const trainer = await make("batch = 3, accumulate = 3");
    let asked = 0;
    await run(trainer, () => asked++ >= 2);
    expect(trainer.progress).toMatchObject({ step: 0, accumulated: 6 });
    await expect(trainer.step({ x: data.x.subarray(0, 7), values: data.values.subarray(0, 3) })).rejects.toThrow(
      "fit was stopped within an update of several batches",
    );
  });

  it("draws other random numbers in each batch", async () => {
    const trainer = await make(
      "batch = 2, accumulate = 2, shuffle = false",
      "dropout(0.5); fc: linear(3, bias = false)",
    );
    // Two batches of one sample, the same one.
    const twice = { x: new Float32Array(28).fill(1), values: new Float32Array(12) };
    await trainer.step(twice);
    const gradient = trainer.tensor("fc.weight@gradient").data;
    // What both batches dropped has no gradient; what one of them did, half of it.
    expect(new Set([...gradient.subarray(0, 7)].map((g) => Math.round(Math.abs(g) * 1e4))).size).toBeGreaterThan(2);
  });
});

describe("averages of the weights", () => {
  const net = "fc1: linear(5); norm: batch_norm1d; fc2: linear(3)";

  it("are what is evaluated, predicted and saved, unless asked otherwise", async () => {
    const trainer = await make("batch = 5, ema = 0.8", net);
    await run(trainer);
    const [averaged, own] = [await trainer.evaluate(data), await trainer.evaluate(data, { averaged: false })];
    expect(averaged.loss).not.toBe(own.loss);
    const files = [
      await trainer.save({ weightsOnly: true }),
      await trainer.save({ weightsOnly: true, averaged: false }),
    ];
    const plain = await createTrainer(compiled("batch = 5", net).executable());
    for (const [i, expected] of [averaged, own].entries()) {
      await plain.load(files[i]);
      expect(await plain.evaluate(data)).toEqual(expected);
      expect(await plain.predict(data)).toEqual(await trainer.predict(data, { averaged: i === 0 }));
    }
    // Looking changes nothing.
    expect(await trainer.evaluate(data, { averaged: false })).toEqual(own);
  });

  it("are in a checkpoint beside the weights", async () => {
    const trainer = await make("batch = 5, ema = 0.8, ema_buffers = true", net);
    await run(trainer);
    const checkpoint = await trainer.save();
    const names = [...decodeSafetensors(checkpoint).tensors.keys()];
    expect(names.filter((name) => name.endsWith("@average")).length).toBe(6 + 2);
    const plain = await createTrainer(compiled("batch = 5", net).executable());
    await plain.load(checkpoint, { weightsOnly: true, averaged: true });
    expect(await plain.evaluate(data)).toEqual(await trainer.evaluate(data));
    await plain.load(checkpoint, { weightsOnly: true });
    expect(await plain.evaluate(data)).toEqual(await trainer.evaluate(data, { averaged: false }));
  });

  it("are the weights until the first update, also after loading", async () => {
    const trainer = await make("batch = 5, ema = 0.8", net);
    const start = await trainer.evaluate(data);
    expect(await trainer.evaluate(data, { averaged: false })).toEqual(start);
    const file = await trainer.save({ weightsOnly: true });
    await run(trainer);
    await trainer.load(file);
    expect(await trainer.evaluate(data)).toEqual(start);
  });

  it("of what is frozen are the weights themselves", async () => {
    const source = compiled("batch = 5, ema = 0.8", "fc1: linear(5, requires_grad = false); fc2: linear(3)");
    const trainer = await createTrainer(source.executable());
    const before = [...trainer.tensor("fc1.weight").data];
    await run(trainer);
    const { tensors } = decodeSafetensors(await trainer.save({ weightsOnly: true }));
    expect([...new Float32Array(tensors.get("fc1.weight")!.bytes.slice().buffer)]).toEqual(before);
    expect([...trainer.tensor("fc1.weight").data]).toEqual(before);
    // What is frozen is loaded as everything else.
    const other = await createTrainer(source.executable(), { seed: 9 });
    expect([...other.tensor("fc1.weight").data]).not.toEqual(before);
    await other.load(await trainer.save({ weightsOnly: true }));
    expect([...other.tensor("fc1.weight").data]).toEqual(before);
  });
});
