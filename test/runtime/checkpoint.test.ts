/** Saving, resuming to the same bytes, and files that do not fit. */
import { describe, expect, test } from "vitest";
import type { FitStep } from "../../runtime/api.ts";
import { createTrainer, decodeSafetensors, encodeSafetensors } from "../../runtime/index.ts";
import { linear, points } from "./linear.ts";

const make = (seed = 1) => createTrainer(linear(), { seed });
type Trainer = Awaited<ReturnType<typeof make>>;

async function run(trainer: Trainer, stopAt = Number.POSITIVE_INFINITY) {
  const stop = new AbortController();
  const onStep = ({ step }: FitStep) => void (step === stopAt && stop.abort());
  const results = [];
  for await (const result of trainer.fit(points(100), { epochs: 3, signal: stop.signal, onStep })) results.push(result);
  return results;
}

const weight = { name: "fc.weight", shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
const bias = { name: "fc.bias", shape: [3], data: Float32Array.of(7, 8, 9) };

describe("resuming", () => {
  test.each([1, 12, 13, 14, 26, 38])("after step %i of 39 ends with the bytes of the whole run", async (stopAt) => {
    const whole = await make();
    const expected = await run(whole);
    const first = await make();
    const before = await run(first, stopAt);
    const file = await first.save();
    // Another seed: the file's own counts.
    const second = await make(99);
    await second.load(file);
    expect(second.progress).toEqual(first.progress);
    const after = await run(second);
    expect(await second.save()).toEqual(await whole.save());
    const sums = [...before, ...after].map((result) => [result.epoch, result.lossSum]);
    expect(sums).toEqual(expected.map((result) => [result.epoch, result.lossSum]));
  });

  test("an epoch under way cannot go on with other data or in another order", async () => {
    const first = await make();
    await run(first, 3);
    const second = await make();
    await second.load(await first.save());
    const next = (data: ReturnType<typeof points>, shuffle?: boolean) => second.fit(data, { shuffle }).next();
    await expect(next(points(99))).rejects.toThrow(
      "epoch 1 stands at sample 24, and was begun with 100 samples; this dataset has 99",
    );
    await expect(next(points(100), false)).rejects.toThrow("begun with shuffle = true; it cannot be changed");
  });
});

describe("a saved file", () => {
  test("holds PyTorch's names and shapes, the optimizer's states, and where the run stands", async () => {
    const trainer = await make(5);
    await trainer.step(points(8));
    const { tensors, metadata } = decodeSafetensors(await trainer.save());
    expect([...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ["fc.weight", "F32", [3, 2]],
      ["fc.bias", "F32", [3]],
      ["fc.weight.velocity", "F32", [3, 2]],
      ["fc.bias.velocity", "F32", [3]],
    ]);
    expect(metadata).toMatchObject({ format: "pt", "mlc.model": "linear", "mlc.step": "1", "mlc.seed": "5" });
  });

  test("holds parameters and buffers alone if asked", async () => {
    const { tensors, metadata } = decodeSafetensors(await (await make()).save({ weightsOnly: true }));
    expect([...tensors.keys()]).toEqual(["fc.weight", "fc.bias"]);
    expect(metadata).toEqual({ format: "pt", "mlc.model": "linear" });
  });
});

describe("loading weights alone", () => {
  test("starts at step 0 with the optimizer's states at 0", async () => {
    const trainer = await make();
    await trainer.step(points(8));
    await trainer.load(encodeSafetensors([bias, weight]).buffer as ArrayBuffer);
    expect([...trainer.tensor("fc.weight").data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...trainer.tensor("fc.bias.velocity").data]).toEqual([0, 0, 0]);
    expect(trainer.progress).toMatchObject({ step: 0, epoch: 0, seed: 1 });
  });

  test("takes other precisions, and ignores PyTorch's batch counts", async () => {
    const trainer = await make();
    const counts = { name: "bn.num_batches_tracked", shape: [], data: Float32Array.of(3) };
    await trainer.load(encodeSafetensors([{ ...bias, data: Float64Array.of(0.1, 0.2, 0.3) }, weight, counts]));
    expect([...trainer.tensor("fc.bias").data]).toEqual([0.1, 0.2, 0.3].map(Math.fround));
  });

  test("takes them out of a whole training state if asked", async () => {
    const first = await make();
    await run(first, 5);
    const second = await make(2);
    await second.load(await first.save(), { weightsOnly: true });
    expect([...second.tensor("fc.weight").data]).toEqual([...first.tensor("fc.weight").data]);
    expect([...second.tensor("fc.weight.velocity").data]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(second.progress).toMatchObject({ step: 0, seed: 2 });
  });
});

describe("a file that does not fit", () => {
  test("is refused with all that is wrong, and nothing is changed", async () => {
    const trainer = await make();
    const before = await trainer.save();
    const file = encodeSafetensors([
      { name: "fc.weight", shape: [2, 3], data: weight.data },
      { name: "fc.bais", shape: [3], data: bias.data },
      { name: "conv.weight", shape: [1], data: Float32Array.of(1) },
    ]);
    await expect(trainer.load(file)).rejects.toThrow(
      [
        'the file does not fit the model "linear":',
        "  missing: fc.bias [3]",
        '  not in the model: fc.bais [3]; did you mean "fc.bias"?',
        "  not in the model: conv.weight [1]",
        "  of another shape: fc.weight is [2, 3] in the file and [3, 2] in the model",
      ].join("\n"),
    );
    expect(await trainer.save()).toEqual(before);
  });

  test("is refused if an optimizer's state is missing from a training state", async () => {
    const { metadata } = decodeSafetensors(await (await make()).save());
    const file = encodeSafetensors([weight, bias], metadata);
    await expect((await make()).load(file)).rejects.toThrow("missing: fc.weight.velocity [3, 2]");
    const broken = encodeSafetensors([weight, bias], { "mlc.step": "-1" });
    await expect((await make()).load(broken, { weightsOnly: true })).resolves.toBeUndefined();
  });

  test.each<readonly [key: string, value: string, what: string]>([
    ...["-1", "x", "", "1e99", "0.5"].map((value) => ["epoch", value, "a count"] as const),
    ["seed", "4294967296", "a count of at most 4294967295"],
    ["cursor", "101", "a count of at most 100"],
    ["accumulated", "1", "a count of at most 0"],
    ["lossSum", "much", "a number"],
    ["partialLoss", "", "a number"],
    ["shuffle", "perhaps", "true or false"],
  ])("is refused if the metadata's %s is %j", async (key, value, what) => {
    const trainer = await make();
    await run(trainer, 3);
    const { metadata } = decodeSafetensors(await trainer.save());
    const all = trainer.tensors().map(({ name, shape, data }) => ({ name, shape, data }));
    const load = (changed: Record<string, string>) => trainer.load(encodeSafetensors(all, changed));
    const must = `the metadata mlc.${key} must be ${what}, found`;
    await expect(load({ ...metadata, [`mlc.${key}`]: value })).rejects.toThrow(`${must} ${JSON.stringify(value)}`);
    const { [`mlc.${key}`]: _, ...without } = metadata;
    await expect(load(without)).rejects.toThrow(`${must} nothing`);
    await load(metadata);
  });

  test("is refused if a tensor is not floating-point, or one stands beside weights as a state would", async () => {
    const trainer = await make();
    const bytes = encodeSafetensors([weight, bias, { ...bias, name: "fc.bias.velocity" }]);
    await expect(trainer.load(bytes)).rejects.toThrow("not in the model: fc.bias.velocity [3]");
    const text = new TextDecoder("latin1").decode(encodeSafetensors([weight, bias]));
    const integers = Uint8Array.from(text.replace('"F32"', '"I32"'), (c) => c.charCodeAt(0));
    await expect(trainer.load(integers)).rejects.toThrow("not floating-point: fc.weight is I32 in the file");
  });

  test("names foreign tensors without their control characters, and the first of many", async () => {
    const trainer = await make();
    const foreign = Array.from({ length: 20_000 }, (_, i) => ({ ...bias, name: `\u001b[2J${i}` }));
    const error: Error = await trainer.load(encodeSafetensors([weight, bias, ...foreign])).catch((e) => e);
    expect(error.message).toContain('  not in the model: "\\u001b[2J0" [3]\n');
    expect(error.message).toMatch(/not in the model: 19988 more$/);
  });

  test("is refused if values are not finite, unless they are allowed", async () => {
    const trainer = await make();
    const file = encodeSafetensors([
      weight,
      { ...bias, data: Float32Array.of(0, Number.NaN, Number.POSITIVE_INFINITY) },
    ]);
    await expect(trainer.load(file)).rejects.toThrow(
      "the file holds values that are not finite:\n  first of a tensor: fc.bias[1] is NaN\n",
    );
    await trainer.load(file, { allowNonFinite: true });
    expect([...trainer.tensor("fc.bias").data]).toEqual([0, Number.NaN, Number.POSITIVE_INFINITY]);
    // Too large for float32.
    const huge = encodeSafetensors([weight, { ...bias, data: Float64Array.of(0, 1e300, 0) }]);
    await expect(trainer.load(huge)).rejects.toThrow("fc.bias[1] is Infinity");
  });
});
