/** Samples given as bytes are those given as floats: the same bits, in every program, whichever came before. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { type Buffer, type Call, callsOf, isBlocks, type PartCall } from "../../compiler/ir/loops.ts";
import { printKernel } from "../../compiler/ir/loops-text.ts";
import { type Columns, createTrainer } from "../../runtime/index.ts";
import { loadJs } from "../fuzz/backends.ts";
import { noise } from "../threads/noise.ts";

const model = (name: string) => readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");

const AUGMENTED = `model augmented {
  input  image: f32[3, 12, 11]
  target label: class[5]
  net { conv2d(8, kernel = 3, padding = 1); relu; max_pool2d(2); flatten; linear(5) }
  loss cross_entropy(net, label)
  metric accuracy(net, label)
  optimizer sgd(lr = 0.1)
  data synthetic {
    random_crop(padding = 2)
    random_flip
    color_jitter(brightness = 0.2, contrast = 0.2, saturation = 0.2, hue = 0.1)
    normalize
    cutout(4)
  }
  train { batch = 9 }
}
`;

const PLAIN = `model plain {
  input  x: f32[50]
  target y: f32[3]
  net { linear(20); tanh; linear(3) }
  loss mse(net, y)
  optimizer adam(lr = 0.01)
  train { batch = 9 }
}
`;

/** Two inputs that may be bytes, one that may not, and an output that is an input. */
const SEVERAL = `model several {
  input  image: f32[1, 8, 8]
  input  values: f32[4]
  input  word: i32[2]
  target label: class[3]
  net {
    let seen = image |> random_flip(direction = vertical) |> conv2d(4, kernel = 3) |> flatten
    let read = word |> embedding(9, 5) |> flatten
    output given = values
    concat([seen, values, read], axis = 1) |> linear(3)
  }
  loss cross_entropy(net, label)
  optimizer sgd(lr = 0.1)
  data npy("somewhere", scale = 0.5) { random_crop(padding = 1, padding_mode = reflect) }
  train { batch = 9 }
}
`;

const SUM = `model sum {
  input  a: f32[6]
  input  b: f32[6]
  input  c: f32[6]
  target y: f32[3]
  net { tanh(a + b * c) |> linear(3) }
  loss mse(net, y)
  optimizer sgd(lr = 0.1)
  train { batch = 9 }
}
`;

const WASM: CompileOptions = {};
const DEPTH_FIRST: CompileOptions = { blocks: "always", verify: true };
const JS: CompileOptions = { backend: "js" };

async function start(source: string, options: CompileOptions, threads: number) {
  const compilation = compile(source, options);
  return createTrainer(compilation.executable(loadJs), { seed: 3, threads });
}

type Form = "bytes" | "floats" | "both";

/** All that can be done with samples of one form, or of both in turns. */
async function run(
  source: string,
  options: CompileOptions,
  threads: number,
  form: Form,
  scaled: (byte: number) => number,
) {
  const trainer = await start(source, options, threads);
  let turns = 0;
  const samples = (n: number, seed: number): Columns => {
    const columns: Record<string, unknown> = { ...noise(trainer.manifest, n, seed) };
    for (const { name, bytes } of trainer.manifest.inputs) {
      if (bytes === undefined) continue;
      const given = Uint8Array.from(columns[name] as Float32Array, (x, i) => (Math.abs(x) * 1e4 + 37 * i) % 256);
      const asBytes = form === "bytes" || (form === "both" && turns++ % 2 === 0);
      columns[name] = asBytes ? given : Float32Array.from(given, scaled);
    }
    return columns as Columns;
  };
  try {
    await trainer.measure(samples(20, 8));
    const losses = [];
    for (const [step, n] of [9, 9, 4].entries()) losses.push((await trainer.step(samples(n, step))).loss);
    expect(losses.every(Number.isFinite)).toBe(true);
    const evaluation = await trainer.evaluate(samples(20, 9));
    const prediction = await trainer.predict(samples(5, 10));
    return { losses, evaluation, prediction, saved: Buffer.from(await trainer.save()).toString("latin1") };
  } finally {
    trainer.dispose();
  }
}

const by255 = (byte: number) => byte / 255;

describe.each<[string, string, (byte: number) => number]>([
  ["an image with every kind of augmentation", AUGMENTED, by255],
  ["values that a matrix product reads", PLAIN, by255],
  ["several inputs, of another scale", SEVERAL, (byte) => 0.5 * byte],
  ["three inputs in one kernel", SUM, by255],
])("%s", (_, source, scaled) => {
  test.each<[string, CompileOptions, number]>([
    ["WebAssembly", WASM, 1],
    ["depth first, 2 threads", DEPTH_FIRST, 2],
    ["JavaScript", JS, 1],
  ])("%s", async (_, options, threads) => {
    const floats = await run(source, options, threads, "floats", scaled);
    expect(await run(source, options, threads, "bytes", scaled)).toEqual(floats);
    expect(await run(source, options, threads, "both", scaled)).toEqual(floats);
  });
});

test("the first convolution's part makes floats of bytes, and nothing else reads them", () => {
  const [step] = compile(model("cifar_net")).loops.programs;
  const readsBytes = ({ kernel }: Call | PartCall) => kernel.buffers.some(isBytes);
  const isBytes = ({ name, elem }: Buffer) => elem === "u8" && name.startsWith("input");
  const [first, ...others] = callsOf(step).filter(readsBytes);
  expect(others).toEqual([]);
  expect(step.steps.find(isBlocks)!.parts[0].calls).toContain(first);
  // Two loops, each of which reads what it needs.
  const { kernel } = first;
  const text = printKernel(kernel);
  const reads = text
    .slice(text.indexOf("if flag"))
    .split("else")
    .map((loop) => kernel.buffers.filter(({ name }) => name.startsWith("input") && loop.includes(`${name}[`)));
  expect(reads.map((buffers) => buffers.map(({ elem }) => elem))).toEqual([["u8"], ["f32"]]);
});

test("bytes are not blamed for floats that came before them", async () => {
  const trainer = await start(PLAIN, { checkFinite: true }, 1);
  const y = new Float32Array(3);
  await expect(trainer.step({ x: new Float32Array(50).fill(Number.NaN), y })).rejects.toThrow("input x");
  expect((await trainer.step({ x: new Uint8Array(50).fill(7), y })).loss).toBeGreaterThan(0);
  await expect(trainer.step({ x: new Uint8Array(50), y: new Float32Array(3).fill(Number.NaN) })).rejects.toThrow(
    "target y",
  );
  trainer.dispose();
});
