/** The same weights, byte for byte, from any number of threads. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { createTrainer } from "../../runtime/index.ts";
import { noise } from "./noise.ts";

const model = (name: string) => readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");

const MLP = `model mlp {
  input  x: f32[50]
  target label: class[7]
  net {
    fc1: linear(100)
    relu
    dropout(0.3)
    fc2: linear(36)
    gelu
    fc3: linear(7)
  }
  loss cross_entropy(net, label)
  metric accuracy(net, label)
  optimizer adam(lr = 0.01)
  train { batch = 33 }
}
`;

const AUGMENTED = `model augmented {
  input  image: f32[3, 12, 11]
  target label: class[5]
  net { conv2d(8, kernel = 3); relu; flatten; linear(5) }
  loss cross_entropy(net, label)
  optimizer sgd(lr = 0.1)
  data synthetic {
    random_crop(padding = 2)
    random_flip
    color_jitter(brightness = 0.2, contrast = 0.2, saturation = 0.2, hue = 0.1)
    normalize
    cutout(4)
  }
  train { batch = 7 }
}
`;

/** Three steps, the last of fewer samples; then everything that a checkpoint holds, and an evaluation. */
async function train(source: string, options: CompileOptions, threads: number) {
  const compilation = compile(source, options);
  const trainer = await createTrainer(compilation.executable(), { seed: 3, threads });
  try {
    expect(trainer.notes).toEqual([]);
    expect(trainer.threads).toBe(threads);
    const { batch } = trainer.manifest;
    await trainer.measure(noise(trainer.manifest, 2 * batch + 1, 8));
    const losses: number[] = [];
    for (const [step, n] of [batch, batch, batch - 1].entries()) {
      losses.push((await trainer.step(noise(trainer.manifest, n, step))).loss);
    }
    const evaluation = await trainer.evaluate(noise(trainer.manifest, 2 * batch + 1, 9));
    const bytes = Buffer.from(await trainer.save());
    return { losses, evaluation, bytes: bytes.toString("latin1") };
  } finally {
    trainer.dispose();
  }
}

describe.each([
  ["cifar_net, strict", model("cifar_net"), { batch: 5, numerics: "strict" }],
  ["cifar_net, fast", model("cifar_net"), { batch: 9, numerics: "fast" }],
  ["resnet20", model("resnet20"), { batch: 3 }],
  ["mobilenet_small", model("mobilenet_small"), { batch: 2 }],
  ["vit_tiny", model("vit_tiny"), { batch: 3 }],
  ["random steps of data", AUGMENTED, {}],
  ["cifar_net, depth first", model("cifar_net"), { batch: 9, numerics: "fast", blocks: "always" }],
  ["an mlp with dropout, depth first", MLP, { blocks: "always" }],
  ["an mlp with dropout and adam", MLP, {}],
] as const)("%s", async (_, source, options) => {
  const one = await train(source, options, 1);
  const plain = await train(source, { ...options, threads: false }, 1);

  test("with the kernels compiled for one thread", () => {
    expect(one.losses.every(Number.isFinite)).toBe(true);
    expect(plain.losses).toEqual(one.losses);
    expect(plain.bytes === one.bytes).toBe(true);
  });

  test.each([2, 3, 4, 8])("with %i threads", async (threads) => {
    const many = await train(source, options, threads);
    expect(many.losses).toEqual(one.losses);
    expect(many.evaluation).toEqual(one.evaluation);
    expect(many.bytes === one.bytes).toBe(true);
  });
});
