/** Weights in the layout that kernels read: kept from call to call, and never older than the weights. */
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { type Module, topological } from "../../compiler/ir/graph.ts";
import { createTrainer, synthetic, type Trainer } from "../../runtime/index.ts";

const model = (optimizer: string, train = "") => `model packed {
  input  image: f32[3, 12, 12]
  target label: class[10]
  net { c1: conv2d(16, kernel = 5, padding = 2); relu; c2: conv2d(8, kernel = 3, padding = 1); relu; flatten; fc: linear(10) }
  loss cross_entropy(net, label)
  metric accuracy(net, label)
  optimizer ${optimizer}
  train { batch = 8, epochs = 1${train} }
}`;

const data = synthetic({ shape: [3, 12, 12], length: 8 });
const batch = { image: Float32Array.from(data.images, (byte) => byte / 255), label: Int32Array.from(data.labels) };

describe.each([
  ["sgd", model("sgd(lr = 0.1)")],
  ["adam with averages", model("adam(lr = 0.01)", ", ema = 0.9")],
  ["an update of several batches", model("sgd(lr = 0.1)", ", accumulate = 2")],
  ["frozen weights", model('sgd(lr = 0.1) { "c1.*": frozen }')],
  ["strict numerics", model("sgd(lr = 0.1)", ", numerics = strict")],
])("%s", (_, source) => {
  const executable = compile(source, { verify: true }).executable();
  const make = (seed = 1) => createTrainer(executable, { seed });

  /** What a trainer gives that has never had other weights. */
  async function expectUpToDate(trainer: Trainer): Promise<void> {
    const fresh = await make(2);
    await fresh.load(await trainer.save());
    const outputs = (t: Trainer) => Promise.all([t.predict(batch), t.predict(batch, { averaged: false })]);
    expect(await outputs(trainer)).toEqual(await outputs(fresh));
    expect(await trainer.evaluate(batch)).toEqual(await fresh.evaluate(batch));
    expect(await trainer.step(batch)).toEqual(await fresh.step(batch));
    expect(await trainer.save()).toEqual(await fresh.save());
  }

  it("after steps", async () => {
    const trainer = await make();
    for (let i = 0; i < 3; i++) {
      await trainer.step(batch);
      await expectUpToDate(trainer);
    }
  });

  it("after loading", async () => {
    const trainer = await make();
    await trainer.step(batch);
    const other = await make(3);
    await other.step(batch);
    await trainer.load(await other.save());
    await expectUpToDate(trainer);
    await trainer.load(await other.save({ weightsOnly: true }));
    await expectUpToDate(trainer);
  });

  it("after the caller has written weights, then and whenever later", async () => {
    const trainer = await make();
    await trainer.step(batch);
    const { data: weights } = trainer.tensor("c2.weight");
    for (let i = 0; i < 3; i++) {
      await trainer.predict(batch);
      weights.fill(0.01 * i);
      await expectUpToDate(trainer);
    }
  });
});

describe("a training step", () => {
  const packing = (source: string): Module => {
    const stages = new Map<string, Module>();
    compile(source, { observe: (stage, module) => void stages.set(stage, module) });
    return stages.get("packing")!;
  };
  const targets = (module: Module, program: string) =>
    module.programs
      .find(({ name }) => name === program)!
      .updates.map(({ target }) => target)
      .filter((target) => target.startsWith("packed/"));

  it("reads weights as they were packed, and packs the new ones", () => {
    const module = packing(model("sgd(lr = 0.1)"));
    const { results } = module.programs[0];
    const all = topological(results.map(({ value }) => value));
    const arranges = all.filter(({ op, inputs }) => op !== "packed" && inputs[0]?.op === "param");
    expect(arranges.map(({ op }) => op)).not.toContain("relayout");
    expect(arranges.map(({ op }) => op)).not.toContain("tile");
    expect(targets(module, "train_step")).toEqual(targets(module, "pack"));
    // All three for the outputs, c2 for the gradient of what it reads too.
    expect(targets(module, "pack")).toHaveLength(4);
  });

  it("packs nothing of each sample, not even what is the same for all", () => {
    // A softmax adds up to one, so what squeeze_excitation makes of its mean is known.
    const net =
      "let side = in |> softmax(axis = -1) |> squeeze_excitation(1); in + side; conv2d(10, kernel = 12); flatten";
    const { tensors } = packing(model("sgd(lr = 0.1)").replace(/net {.*}/, `net { ${net} }`));
    const packed = tensors.filter(({ kind }) => kind === "packed");
    expect(packed.length).toBeGreaterThan(0);
    expect(packed.filter(({ shape }) => shape.some((size) => !Number.isInteger(size)))).toEqual([]);
  });

  it("leaves frozen weights as they were packed", () => {
    const module = packing(model('sgd(lr = 0.1) { "c1.*": frozen }'));
    expect(targets(module, "pack")).toHaveLength(3);
    expect(targets(module, "train_step")).toHaveLength(2);
  });

  it("that only adds gradients up leaves it to the update", () => {
    const module = packing(model("sgd(lr = 0.1)", ", accumulate = 2"));
    expect(targets(module, "train_step")).toEqual([]);
    expect(targets(module, "update")).toEqual(targets(module, "pack"));
  });
});
