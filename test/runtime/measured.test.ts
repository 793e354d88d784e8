/** Numbers that a model computes from its training data: measured once, saved, and the same wherever the weights go. */
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createTrainer, decodeSafetensors, encodeSafetensors, synthetic, type Trainer } from "../../runtime/index.ts";

const MODEL = `model measured {
  input  image: f32[1, 8, 8]
  target label: class[10]
  net { flatten; fc: linear(10) }
  loss cross_entropy(net, label)
  metric accuracy(net, label)
  optimizer sgd(lr = 0.1, momentum = 0.9)
  data synthetic { random_crop(padding = 2); normalize; random_flip }
  train { batch = 16, epochs = 2 }
}`;

const executable = compile(MODEL).executable();
const make = (seed = 1) => createTrainer(executable, { seed });
const data = synthetic({ shape: [1, 8, 8], length: 100 });
const other = synthetic({ shape: [1, 8, 8], length: 50, seed: 9, split: "test" });

async function train(trainer: Trainer, stopAt = Number.POSITIVE_INFINITY): Promise<Trainer> {
  const stop = new AbortController();
  const onStep = ({ step }: { step: number }) => void (step === stopAt && stop.abort());
  for await (const _ of trainer.fit(data, { signal: stop.signal, onStep }));
  return trainer;
}

test("are the mean and the variance of the training images, as evaluation sees them", async () => {
  const trainer = await train(await make());
  const values = Array.from(data.images, (v) => v / 255);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  expect(trainer.tensor("data.normalize.mean").data[0]).toBeCloseTo(mean, 6);
  expect(trainer.tensor("data.normalize.variance").data[0]).toBeCloseTo(variance, 6);
});

test("are not asked for twice: a run that is stopped and resumed ends with the same bytes", async () => {
  const whole = await (await train(await make())).save();
  for (const stopAt of [3, 7, 10]) {
    const first = await train(await make(), stopAt);
    const second = await make(5);
    await second.load(await first.save());
    expect(second.measured).toBe(true);
    expect(await (await train(second)).save()).toEqual(whole);
  }
});

test("travel with the weights, as the names of the classes do", async () => {
  const first = await train(await make());
  const file = await first.save({ weightsOnly: true });
  expect([...decodeSafetensors(file).tensors.keys()]).toEqual([
    "data.normalize.mean",
    "data.normalize.variance",
    "fc.weight",
    "fc.bias",
  ]);
  const second = await make(2);
  await second.load(file);
  expect(second.classes).toEqual(data.names);
  expect(await second.evaluate(other)).toEqual(await first.evaluate(other));
  // Training on goes on with them, whatever the data.
  for await (const _ of second.fit(other, { steps: 1 }));
  expect(second.tensor("data.normalize.mean").data).toEqual(first.tensor("data.normalize.mean").data);
});

test("are missing from weights of elsewhere: then they are measured, and not before are there results", async () => {
  const trained = await train(await make());
  const weights = trained.parameters().map(({ name, shape, data }) => ({ name, shape, data }));
  const trainer = await make();
  await trainer.load(encodeSafetensors(weights));
  expect(trainer.measured).toBe(false);
  const missing = /data\.normalize\.mean, data\.normalize\.variance: not known yet; call measure\(dataset\)/;
  await expect(trainer.evaluate(other)).rejects.toThrow(missing);
  await expect(trainer.predict({ image: other.images })).rejects.toThrow(missing);
  await expect(trainer.step({ image: data.images.slice(0, 64), label: [1] })).rejects.toThrow(missing);
  expect([...decodeSafetensors(await trainer.save()).tensors.keys()]).not.toContain("data.normalize.mean");
  await trainer.measure({ image: data.images });
  expect(await trainer.evaluate(other)).toEqual(await trained.evaluate(other));
});

test("names of classes that are no list are refused", async () => {
  const trainer = await train(await make());
  const { metadata } = decodeSafetensors(await trainer.save({ weightsOnly: true }));
  const tensors = trainer.tensors().filter(({ kind }) => kind !== "state");
  for (const classes of ["{", "3", "[1]"]) {
    const file = encodeSafetensors(tensors, { ...metadata, "mlc.classes": classes });
    await expect(trainer.load(file)).rejects.toThrow(
      `the metadata mlc.classes must be a list of names, found ${classes}`,
    );
  }
});
