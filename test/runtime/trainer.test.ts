/** The trainer, on kernels that are written by hand: what it feeds them, what it counts, what it refuses. */
import { describe, expect, test } from "vitest";
import { ABI_VERSION } from "../../runtime/abi.ts";
import type { FitStep } from "../../runtime/api.ts";
import type { Columns } from "../../runtime/dataset.ts";
import { createTrainer, NonFiniteError, permutation, TrainerError } from "../../runtime/index.ts";
import { linear, manifest, points } from "./linear.ts";

const make = (seed = 1) => createTrainer(linear(), { seed });

/** All results of a run. */
async function collect<T>(run: AsyncIterable<T>): Promise<T[]> {
  const results: T[] = [];
  for await (const result of run) results.push(result);
  return results;
}

/** The samples of a batch, one after another. */
const rows = ({ x, label }: ReturnType<typeof points>, from: number, to: number) => ({
  x: x.subarray(2 * from, 2 * to),
  label: label.subarray(from, to),
});

test("kernels are warmed up once, when the weights have been drawn", async () => {
  const executable = linear();
  const seen: number[][] = [];
  const warmUp = () => seen.push([...new Float32Array(executable.calls.memory)]);
  const instantiate = async () => ({ ...(await executable.instantiate()), warmUp });
  const trainer = await createTrainer({ ...executable, instantiate });
  const { data } = trainer.tensor("fc.weight");
  expect(seen.map((memory) => memory.slice(data.byteOffset / 4, data.byteOffset / 4 + 6))).toEqual([[...data]]);
  await trainer.step(rows(points(8), 0, 8));
  expect(seen).toHaveLength(1);
});

describe("step", () => {
  test("gives loss, learning rate, samples and number", async () => {
    const trainer = await make();
    const first = await trainer.step(rows(points(8), 0, 8));
    const second = await trainer.step(rows(points(8), 0, 5));
    expect(first).toEqual({ loss: expect.any(Number), lr: 0.1, n: 8, step: 1 });
    expect(second).toEqual({ loss: expect.any(Number), lr: 0.099, n: 5, step: 2 });
    expect(second.loss).not.toBe(first.loss);
  });

  test("writes host scalars in float32, and seed and step for the random generator", async () => {
    const executable = linear();
    const trainer = await createTrainer(executable, { seed: 4_000_000_000 });
    await trainer.step(rows(points(3), 0, 3));
    await trainer.step(rows(points(3), 0, 3));
    const floats = new Float32Array(executable.calls.memory);
    const words = new Uint32Array(executable.calls.memory);
    expect(floats[manifest.scalars[0].address / 4]).toBe(Math.fround(0.099));
    expect(floats[manifest.scalars[1].address / 4]).toBe(3);
    expect([words[manifest.rng / 4], words[manifest.rng / 4 + 1]]).toEqual([4_000_000_000, 1]);
  });

  test("takes bytes and floats as they are, and says which they are", async () => {
    const executable = linear();
    const trainer = await createTrainer(executable);
    await trainer.step({ x: Uint8Array.of(255, 51), label: [2] });
    const isBytes = new Float32Array(executable.calls.memory, manifest.scalars[2].address, 1);
    expect(executable.calls.log.map((call) => call.program)).toEqual(["train_step"]);
    expect([...new Uint8Array(executable.calls.memory, 0, 2), isBytes[0]]).toEqual([255, 51, 1]);
    await trainer.step({ x: [0.5, 0.25], label: Int32Array.of(0) });
    expect([...new Float32Array(executable.calls.memory, 0, 2), isBytes[0]]).toEqual([0.5, 0.25, 0]);
    expect(executable.calls.log.at(-1)).toEqual({ program: "train_step", n: 1, labels: [0] });
  });

  test("returns a loss that is not finite; kernels that check for it raise an error with the place", async () => {
    const bad = { x: [Number.NaN, 1], label: [0] };
    expect((await (await make()).step(bad)).loss).toBe(Number.NaN);
    const checking = await createTrainer(linear(true));
    const error = await checking.step(bad).catch((e) => e);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({
      label: "fc",
      place: "linear.model:3:5",
      kernel: "fc_grad",
      step: 1,
      code: "non-finite",
    });
    expect(error.message).toBe(
      "step 1: the first value that is not finite is in fc (linear.model:3:5), written by fc_grad in train_step",
    );
  });
});

const wrong: readonly (readonly [what: string, batch: unknown, message: string])[] = [
  ["no arrays", undefined, "give the arrays by name: { x, label }"],
  ["null for an array", { x: null, label: [0] }, '"x" is Null: give a Float32Array'],
  ["a missing input", { label: [0] }, 'the input "x" is missing: give a Float32Array, or bytes as a Uint8Array'],
  ["a missing target", { x: [1, 2] }, 'the target "label" is missing: give an Int32Array or Uint8Array'],
  ["an unknown name", { x: [1, 2], lable: [0] }, 'the model has no input "lable"; did you mean "label"?'],
  ["a name far from all", { x: [1, 2], label: [0], weights: [0] }, 'no input "weights"; it takes x and label'],
  [
    "a type",
    { x: Int32Array.of(1, 2), label: [0] },
    '"x" is Int32Array: give a Float32Array, or bytes as a Uint8Array',
  ],
  ["a string", { x: "12", label: [0] }, '"x" is String: give'],
  ["a list of other things", { x: ["1", "2"], label: [0] }, '"x" is a list with non-numbers: give'],
  [
    "labels as floats",
    { x: [1, 2], label: Float32Array.of(0) },
    '"label" is Float32Array: give an Int32Array or Uint8Array',
  ],
  ["big integers", { x: [1, 2], label: BigInt64Array.of(0n) }, '"label" is BigInt64Array: give'],
  [
    "half a sample",
    { x: [1, 2, 3], label: [0] },
    '"x" has 3 values, which is no whole number of samples: one is 2 values ([2])',
  ],
  ["nothing", { x: [], label: [] }, '"x" has 0 values, which is no whole number of samples'],
  ["different numbers", { x: [1, 2], label: [0, 1] }, '"label" has 2 samples, but the inputs before it have 1'],
  ["a label that is too large", { x: [1, 2, 3, 4], label: [0, 3] }, "label[1] is 3; the model's classes are 0 … 2"],
  ["a negative label", { x: [1, 2], label: Int32Array.of(-1) }, "label[0] is -1; the model's classes are 0 … 2"],
  ["a broken label", { x: [1, 2], label: [0.5] }, "label[0] is 0.5; the model's classes are 0 … 2"],
  ["too many samples", points(9), "compiled for batches of at most 8 samples, found 9"],
];

describe("input is refused with what is wrong:", () => {
  test.each(wrong)("%s", async (_, batch, message) => {
    const trainer = await make();
    await expect(trainer.step(batch as Columns)).rejects.toThrow(message);
    await expect(trainer.step(batch as Columns)).rejects.toMatchObject({ code: "input" });
    expect(trainer.progress.step).toBe(0);
  });
});

describe("fit", () => {
  test("takes every sample once an epoch, in batches with an exact smaller last one", async () => {
    const executable = linear();
    const data = points(19);
    const steps: FitStep[] = [];
    const trainer = await createTrainer(executable);
    const results = await collect(
      trainer.fit(data, { epochs: 2, shuffle: false, onStep: (step) => void steps.push(step) }),
    );
    expect(steps.map(({ n, epoch, done, step }) => [n, epoch, done, step])).toEqual([
      [8, 1, 8, 1],
      [8, 1, 16, 2],
      [3, 1, 19, 3],
      [8, 2, 8, 4],
      [8, 2, 16, 5],
      [3, 2, 19, 6],
    ]);
    expect(steps[0]).toMatchObject({ samples: 19, totalSteps: 6 });
    const seen = executable.calls.log.flatMap((call) => call.labels);
    expect(seen).toEqual([...data.label, ...data.label]);
    expect(results.map((result) => [result.epoch, result.batches])).toEqual([
      [1, 3],
      [2, 3],
    ]);
    const sum = steps.slice(0, 3).reduce((total, step) => total + step.loss, 0);
    expect(results[0].lossSum).toBe(sum);
    expect(results[0].loss).toBe(sum / 3);
    expect(results[0].accuracy).toBeUndefined();
  });

  test("shuffles by seed and epoch", async () => {
    const executable = linear();
    const data = points(19);
    await collect((await createTrainer(executable, { seed: 7 })).fit(data, { epochs: 2 }));
    const expected = [0, 1].flatMap((epoch) => Array.from(permutation(19, 7, epoch), (i) => data.label[i]));
    expect(executable.calls.log.flatMap((call) => call.labels)).toEqual(expected);
  });

  test("equals the same steps one by one", async () => {
    const data = points(19);
    const fitted = await make();
    await collect(fitted.fit(data, { epochs: 1, shuffle: false }));
    const stepped = await make();
    for (const [from, to] of [
      [0, 8],
      [8, 16],
      [16, 19],
    ])
      await stepped.step(rows(data, from, to));
    expect(stepped.tensors().map((t) => [...t.data])).toEqual(fitted.tensors().map((t) => [...t.data]));
  });

  test("leaves the smaller last batch out if asked", async () => {
    const executable = linear();
    const trainer = await createTrainer(executable);
    const [result] = await collect(trainer.fit(points(19), { epochs: 1, dropLast: true }));
    expect(executable.calls.log.map((call) => call.n)).toEqual([8, 8]);
    expect(result.batches).toBe(2);
    await expect(collect((await make()).fit(points(5), { dropLast: true }))).rejects.toThrow("no whole batch of 8");
  });

  test("learns, and evaluates after each epoch", async () => {
    const trainer = await make();
    const data = points(60);
    const results = await collect(trainer.fit(data, { epochs: 30, evalDataset: data }));
    expect(results[29].loss).toBeLessThan(results[0].loss / 2);
    expect(results[29].accuracy).toBeGreaterThan(0.9);
    expect(results[29].evaluation).toEqual(await trainer.evaluate(data));
  });

  test("takes labelled images by their roles", async () => {
    const { x, label } = points(16);
    const named = await make();
    const dataset = await make();
    await collect(named.fit({ x, label }, { epochs: 1 }));
    await collect(dataset.fit({ length: 16, images: x, labels: label, shape: [2] }, { epochs: 1 }));
    expect([...dataset.tensor("fc.weight").data]).toEqual([...named.tensor("fc.weight").data]);
  });

  test("ends at a number of updates, in all", async () => {
    const trainer = await make();
    const totals: number[] = [];
    await trainer.step(rows(points(8), 0, 8));
    const options = { epochs: 9, steps: 5, onStep: (step: FitStep) => void totals.push(step.totalSteps) };
    const results = await collect(trainer.fit(points(24), options));
    expect(trainer.progress).toMatchObject({ step: 5, epoch: 1, cursor: 8 });
    expect(results.length).toBe(1);
    expect(totals).toEqual([5, 5, 5, 5]);
  });

  test("a signal ends it between two steps; fit again goes on to the same end", async () => {
    const data = points(100);
    const whole = await make();
    const expected = await collect(whole.fit(data, { epochs: 3 }));
    const parts = await make();
    const results = [];
    for (const stopAt of [0, 5, 13, 20, 26, 100]) {
      const stop = new AbortController();
      if (stopAt === 0) stop.abort();
      const onStep = ({ step }: FitStep) => void (step === stopAt && stop.abort());
      results.push(...(await collect(parts.fit(data, { epochs: 3, signal: stop.signal, onStep }))));
      if (stopAt < 100) expect(parts.progress.step).toBe(stopAt);
    }
    expect(parts.tensors().map((t) => [...t.data])).toEqual(whole.tensors().map((t) => [...t.data]));
    const losses = (list: typeof expected) => list.map(({ epoch, lossSum }) => [epoch, lossSum]);
    expect(losses(results)).toEqual(losses(expected));
  });

  test("lets timers and signals in while it runs", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 30);
    const trainer = await make();
    await collect(trainer.fit(points(1000), { epochs: 1e9, signal: stop.signal }));
    expect(trainer.progress.step).toBeGreaterThan(0);
  });

  test("is one at a time, and leaving the loop ends it", async () => {
    const trainer = await make();
    for await (const _ of trainer.fit(points(8), { epochs: 5 })) {
      await expect(collect(trainer.fit(points(8)))).rejects.toThrow("fit is already running");
      break;
    }
    expect(trainer.progress.epoch).toBe(1);
    await collect(trainer.fit(points(8), { epochs: 2 }));
    expect(trainer.progress.epoch).toBe(2);
  });

  test("checks the whole dataset before the first step", async () => {
    const data = points(100);
    data.label[99] = 3;
    const trainer = await make();
    await expect(collect(trainer.fit(data))).rejects.toThrow("label[99] is 3");
    await expect(collect(trainer.fit(points(8), { evalDataset: data }))).rejects.toThrow("label[99] is 3");
    await expect(collect(trainer.fit(points(8), { epochs: 1.5 }))).rejects.toThrow(
      "epochs must be a whole number, found 1.5",
    );
    expect(trainer.progress.step).toBe(0);
  });
});

describe("evaluate and predict", () => {
  test("weight batches by their samples", async () => {
    const trainer = await make();
    const data = points(19);
    const whole = await trainer.evaluate(data);
    const parts: Awaited<ReturnType<typeof trainer.evaluate>>[] = [];
    for (const [from, to] of [
      [0, 8],
      [8, 16],
      [16, 19],
    ])
      parts.push(await trainer.evaluate(rows(data, from, to)));
    const mean = (key: "loss" | "accuracy") => {
      const [a, b, c] = parts.map((part) => part[key] as number);
      return Math.fround((8 * a + 8 * b + 3 * c) / 19);
    };
    expect(whole).toEqual({ loss: mean("loss"), accuracy: mean("accuracy"), n: 19 });
  });

  test("predict gives the outputs of all samples, and needs no target", async () => {
    const trainer = await make();
    const { x } = points(19);
    const { logits, n } = await trainer.predict({ x });
    expect(n).toBe(19);
    expect(logits).toBeInstanceOf(Float32Array);
    const last = await trainer.predict({ x: x.subarray(36) });
    expect([...(logits as Float32Array)].slice(54)).toEqual([...(last.logits as Float32Array)]);
    expect((logits as Float32Array).length).toBe(57);
    expect(trainer.progress.step).toBe(0);
  });
});

describe("tensors", () => {
  test("are named views on the weights", async () => {
    const trainer = await make();
    expect(trainer.parameters().map((t) => [t.name, t.shape])).toEqual([
      ["fc.weight", [3, 2]],
      ["fc.bias", [3]],
    ]);
    const { data } = trainer.tensor("fc.bias");
    const before = [...data];
    await trainer.step(rows(points(8), 0, 8));
    expect([...data]).not.toEqual(before);
    expect(() => trainer.tensor("fc.wieght")).toThrow('no tensor "fc.wieght"; did you mean "fc.weight"?');
  });

  test("start from the seed", async () => {
    const weights = async (seed: number) => [...(await make(seed)).tensor("fc.weight").data];
    expect(await weights(1)).toEqual(await weights(1));
    expect(await weights(1)).not.toEqual(await weights(2));
  });
});

test("options are checked", async () => {
  await expect(createTrainer(linear(), { seed: -1 })).rejects.toThrow("the seed must be a whole number");
  await expect(createTrainer(linear(), { seed: 2 ** 32 })).rejects.toThrow("found 4294967296");
  await expect(createTrainer(linear(), { threads: 0 })).rejects.toThrow("threads must be");
  expect((await createTrainer(linear(), { threads: "auto" })).notes).toEqual([]);
  expect((await createTrainer(linear(), { threads: 4 })).notes).toEqual([
    "the kernels run on one thread: they were compiled for one",
  ]);
  const old = { ...linear(), manifest: { ...manifest, abi: 0 } };
  await expect(createTrainer(old)).rejects.toThrow(
    `compiled for version 0 of the runtime, and this is version ${ABI_VERSION}`,
  );
});

test("a disposed trainer says so", async () => {
  const trainer = await make();
  trainer.dispose();
  trainer.dispose();
  await expect(trainer.step(points(8))).rejects.toThrow("disposed of");
  await expect(trainer.save()).rejects.toThrow(TrainerError);
  expect(() => trainer.tensor("fc.bias")).toThrow("disposed of");
});
