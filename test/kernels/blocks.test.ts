/** Kernels that run depth first, a few samples at a time, compute what they compute for the whole batch at once. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { isBlocks } from "../../compiler/ir/loops.ts";
import type { Target } from "../../compiler/target.ts";
import { createTrainer } from "../../runtime/index.ts";
import { noise } from "../threads/noise.ts";

const model = (name: string) => readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");

const MIXED = `model mixed {
  input  image: f32[3, 9, 10]
  target label: class[5]
  net {
    conv2d(8, kernel = 3, padding = 1)
    relu
    dropout(0.3)
    conv2d(6, kernel = 5, padding = 2, bias = false)
    group_norm(2)
    max_pool2d(2)
    dropout2d(0.2)
    flatten
    linear(16)
    gelu
    linear(5)
  }
  loss cross_entropy(net, label, label_smoothing = 0.1)
  metric accuracy(net, label)
  optimizer sgd(lr = 0.05, momentum = 0.9)
  data synthetic { random_flip; random_crop(padding = 1) }
  train { batch = 13 }
}
`;

/** The gradient of a layer of one unit is a row whose operand lies in panels of samples. */
const ONE_UNIT = `model one_unit {
  input  values: f32[40]
  target label: class[8]
  net { linear(1); linear(8) }
  loss cross_entropy(net, label)
  optimizer sgd(lr = 0.05)
  train { batch = 9 }
}
`;

/** The gradient of the first layer's result has the samples for its columns; the last team has fewer of them. */
const COLUMNS = ONE_UNIT.replace("linear(1)", "linear(2); linear(2)");

/** Plain gradient descent: others divide by the gradient's size, where that is noise too. */
const descending = (name: string) => model(name).replace(/^ {2}optimizer .*$/m, "  optimizer sgd(lr = 0.05)");

async function trained(source: string, blocks: Target["blocks"], numerics: Target["numerics"], batch: number) {
  const compilation = compile(source, { blocks, numerics, batch });
  const trainer = await createTrainer(compilation.executable(), { seed: 5 });
  const losses: number[] = [];
  const step = async (n: number) => losses.push((await trainer.step(noise(trainer.manifest, n, losses.length))).loss);
  await step(batch);
  const tensors = trainer.tensors().map(({ name, data }) => ({ name, data: Float32Array.from(data) }));
  await step(3);
  await step(batch - 1);
  const { loss } = await trainer.evaluate(noise(trainer.manifest, 2 * batch + 1, 9));
  return { compilation, losses: [...losses, loss], tensors };
}

describe.each([
  ["mixed", MIXED, 13],
  ["one unit", ONE_UNIT, 9],
  ["samples as columns", COLUMNS, 9],
  ["samples as columns of whole teams", COLUMNS, 16],
  ["samples as columns, parts of more than one", COLUMNS, 32],
  ["cifar_net", descending("cifar_net"), 11],
  ["cifar_net in teams of 6 and 3", descending("cifar_net"), 40],
  ["regression", descending("regression"), 9],
  ["vit_tiny", descending("vit_tiny"), 3],
  ["mobilenet_small", descending("mobilenet_small"), 9],
] as const)("%s", (name, source, batch) => {
  test.each(["strict", "fast"] as const)("%s", async (numerics) => {
    const whole = await trained(source, "never", numerics, batch);
    const blocks = await trained(source, "always", numerics, batch);
    expect(whole.compilation.loops.programs.some(({ steps }) => steps.some(isBlocks))).toBe(false);
    const regions = blocks.compilation.loops.programs.map(({ steps }) => steps.filter(isBlocks).length);
    expect(regions[0], name).toBeGreaterThan(0);
    whole.losses.forEach((loss, i) => {
      expect(Math.abs(blocks.losses[i] - loss) / Math.abs(loss), `loss ${i}`).toBeLessThan(1e-3);
    });
    for (const [i, { name, data }] of whole.tensors.entries()) {
      const size = Math.max(...data.map(Math.abs));
      const error = Math.max(...data.map((v, j) => Math.abs(v - blocks.tensors[i].data[j])));
      expect(error, name).toBeLessThan(1e-4 * (size + 0.01));
    }
  });
});

test("a batch of any size runs in one region from its first convolution to its last gradient", () => {
  const inRegion = (batch: number) => {
    const { loops } = compile(model("cifar_net"), { batch });
    const step = loops.programs.find(({ name }) => name === "train_step")!;
    const regions = step.steps.filter(isBlocks);
    return regions.map(({ parts }) => parts.flatMap(({ calls }) => calls.map(({ kernel }) => kernel.name)).length);
  };
  const [usual] = inRegion(64);
  expect(usual).toBeGreaterThan(30);
  for (const batch of [33, 40, 48, 50, 63, 72, 80, 96, 100, 120, 200]) {
    const [kernels, ...others] = inRegion(batch);
    expect(others, `batch of ${batch}`).toEqual([]);
    expect(Math.abs(kernels - usual), `batch of ${batch}`).toBeLessThan(10);
  }
});
