/** Updates of many tensors in one loop over memory: what they compute, which they are, and where the tensors lie. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { createTrainer } from "../../runtime/index.ts";
import { noise } from "../threads/noise.ts";

const model = (name: string) => readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");

/** Sizes that are no multiples of a vector, one number, two biases with one gradient, a strided convolution. */
const small = (optimizer: string, settings = "") => `model small {
  input  image: f32[3, 9, 10]
  target label: class[5]
  net {
    conv: conv2d(7, kernel = 3, padding = 1, bias = false)
    batch_norm2d
    prelu
    block
    flatten
    linear(11)
    tanh
    linear(1)
    linear(5)
  }
  loss cross_entropy(net, label)
  optimizer ${optimizer}
  train { batch = 6${settings && `, ${settings}`} }
}
layer block {
  let main = in |> conv2d(6, kernel = 3, stride = 2, padding = 1, bias = false) |> batch_norm2d
  main + (in |> conv2d(6, kernel = 1, stride = 2, bias = false) |> batch_norm2d)
}`;

async function trained(source: string, options: CompileOptions) {
  const compilation = compile(source, options);
  const load = async (js: string) => import(`data:text/javascript,${encodeURIComponent(js)}`);
  const trainer = await createTrainer(compilation.executable(load), { seed: 3 });
  for (let step = 0; step < 4; step++) await trainer.step(noise(trainer.manifest, step === 1 ? 4 : 6, step));
  return trainer.tensors().map(({ name, data }) => ({ name, data: Array.from(data) }));
}

describe.each([
  ["sgd(lr = 0.05)"],
  ["sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.01)"],
  ["adam(lr = 0.01, eps = 0.01)", "clip_norm = 0.5"],
  ["adamw(lr = 0.01, eps = 0.01)", "clip_value = 0.01, ema = 0.9, ema_buffers = true"],
  ["adam(lr = 0.01, eps = 0.01)", "accumulate = 2"],
  ['adam(lr = 0.01, eps = 0.01) { "*.bias": weight_decay = 0.1; "conv*": frozen }'],
  ["muon(lr = 0.01)"],
  ["asgd(lr = 0.01)"],
])("%s", (optimizer, settings = "") => {
  test.each([
    ["wasm", "f32", 1e-4],
    ["js", "f64", 1e-11],
  ] as const)("%s: as tensor by tensor", async (backend, precision, tolerance) => {
    const source = small(optimizer, settings);
    const options = { backend, precision, numerics: "strict", blocks: "never" } as const;
    const together = await trained(source, options);
    // Without rows, as it looks at the results kernel by kernel.
    const apart = await trained(source, { ...options, checkFinite: true });
    for (const [i, { name, data }] of together.entries()) {
      const error = Math.max(...data.map((x, j) => Math.abs(x - apart[i].data[j])));
      expect(error, name).toBeLessThan(tolerance * Math.max(1e-2, ...data.map(Math.abs)));
    }
  });
});

describe("the kernels that update", () => {
  /** How many there are in a step, and in how many of them parameters and their state change. */
  const kernels = (source: string) => {
    const [{ program, groups, inPlace }] = compile(source).schedules;
    expect(program.name).toBe("train_step");
    const targets = groups.map(({ outputs }) => outputs.flatMap((output) => inPlace.get(output) ?? []));
    const updating = targets.filter((names) => names.some((name) => !name.startsWith("packed/")));
    return { most: Math.max(...updating.map((names) => names.length)), kernels: updating.length };
  };

  test("are one, but for the last layer's bias, whose gradient is yet to be divided", () => {
    expect(kernels(model("cifar_net"))).toEqual({ most: 18, kernels: 2 });
  });

  test("are one for each formula, however many layers there are", () => {
    const net = (layers: number) => `model deep {
  input  x: f32[12]
  target y: f32[3]
  net { repeat ${layers} { linear(12); layer_norm; tanh }; linear(3) }
  loss mse(net, y)
  optimizer adamw(lr = 1e-3)
  train { batch = 8 }
}`;
    expect(kernels(net(40)).kernels).toBe(kernels(net(2)).kernels);
    expect(kernels(net(40)).most).toBeGreaterThan(3 * 4 * 39);
  });

  test("follow the gradient's kernel where there is no state", () => {
    const fused = (optimizer: string) =>
      compile(small(optimizer)).report.kernels.filter(
        ({ program, fused }) => program === "train_step" && fused.includes("mul"),
      ).length;
    expect(fused("sgd")).toBeGreaterThan(fused("sgd(momentum = 0.9)"));
  });
});

test.each(["resnet20", "vit_tiny", "mobilenet_small", "airbench94", "regression"])("%s: tensors lie apart", (name) => {
  const { manifest } = compile(model(name));
  const places = manifest.tensors
    .map(({ address, shape }) => ({ from: address, to: address + 4 * shape.reduce((a, b) => a * b, 1) }))
    .sort((a, b) => a.from - b.from);
  for (const [i, { from }] of places.entries()) {
    if (i > 0) expect(from).toBeGreaterThanOrEqual(places[i - 1].to);
  }
  expect(places.at(-1)!.to).toBeLessThan(Math.min(...manifest.inputs.map(({ address }) => address)));
});
