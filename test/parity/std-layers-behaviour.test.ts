/** What the library's layers do beside their formulas: noise in training alone, initial distributions, arguments that are refused. */
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/index.ts";
import { compileFor, trainerOf } from "./train.ts";

/** The loss is the sum of the results times the probe: probes of 1 at one place read single results. */
const modelText = (shape: string, output: string, net: string, dtype = "f32"): string => `
model m {
  input x: ${dtype}[${shape}]
  target probe: f32[${output}]
  net { ${net} }
  loss read(net, probe, reduction = sum)
  optimizer sgd(lr = 0)
  train { batch = 64 }
}
loss read(pred: tensor, target: tensor) = pred * target
`;

describe("noise", () => {
  const count = 64;
  /** The sum of each group of `size` results on ones, over training steps, one group a step. */
  async function results(net: string, size: number, groups: number): Promise<number[]> {
    const trainer = await trainerOf(compileFor(modelText("6, 2, 2", "6, 2, 2", net), "js64"), 3);
    const x = new Float32Array(count * 24).fill(1);
    const sums: number[] = [];
    for (let group = 0; group < groups; group++) {
      const probe = new Float32Array(count * 24).fill(0);
      const at = (group * size) % probe.length;
      probe.fill(1, at, at + size);
      sums.push((await trainer.step({ x, probe })).loss);
    }
    expect((await trainer.evaluate({ x, probe: x })).loss, "in eval mode").toBeCloseTo(count * 24, 6);
    return sums;
  }

  it.each([
    ["dropout2d(0.25)", 4],
    ["drop_path(0.25)", 24],
  ])("of %s is the same within its unit, and scaled", async (net, size) => {
    const sums = (await results(net, size, 64)).map((sum) => sum / size);
    for (const value of sums) expect(Math.min(Math.abs(value), Math.abs(value - 4 / 3))).toBeLessThan(1e-9);
    const dropped = sums.filter((value) => value < 0.5).length;
    // 64 draws at 1/4: 16 ± 3.5.
    expect(dropped).toBeGreaterThan(3);
    expect(dropped).toBeLessThan(30);
  });

  it.each([
    ["6, 4", "dropout1d(0.25)", 4],
    ["6, 2, 2", "dropout(0.25)", 1],
  ])("on [%s] of %s drops as often as it says", async (shape, net, size) => {
    const trainer = await trainerOf(compileFor(modelText(shape, shape, net), "js64"), 3);
    const x = new Float32Array(count * 24).fill(1);
    const sums = await Promise.all(Array.from({ length: 4 }, () => trainer.step({ x, probe: x })));
    const dropped = sums.map(({ loss }) => 1 - (loss * 0.75) / (count * 24));
    // The standard deviation of the share of units that are dropped.
    const deviation = Math.sqrt((0.25 * 0.75 * size) / (count * 24));
    for (const share of dropped) expect(Math.abs(share - 0.25)).toBeLessThan(4 * deviation);
    expect(new Set(dropped).size, "each step draws anew").toBeGreaterThan(1);
    expect((await trainer.evaluate({ x, probe: x })).loss, "in eval mode").toBeCloseTo(count * 24, 6);
  });

  it.each([
    ["alpha_dropout(0.3)", 1],
    ["feature_alpha_dropout(0.3)", 4],
  ])("of %s keeps mean 0 and variance 1", async (net, size) => {
    const text = modelText("6, 2, 2", "6, 2, 2", net).replace("pred * target", "pred * target + 0 * pred ^ 2");
    const second = modelText("6, 2, 2", "6, 2, 2", net).replace("pred * target", "pred ^ 2 * target");
    const x = Float32Array.from({ length: count * 24 }, (_, i) => Math.SQRT2 * Math.sin(i * 2.399963));
    const probe = new Float32Array(count * 24).fill(1 / (count * 24));
    const moments = await Promise.all(
      [text, second].map(async (t) => (await (await trainerOf(compileFor(t, "js64"), 5)).step({ x, probe })).loss),
    );
    const deviation = Math.sqrt(size / (count * 24));
    expect(Math.abs(moments[0])).toBeLessThan(5 * deviation);
    expect(Math.abs(moments[1] - 1)).toBeLessThan(8 * deviation);
  });

  it("of rrelu has slopes between its bounds, evenly, and their mean in eval mode", async () => {
    const trainer = await trainerOf(compileFor(modelText("6, 2, 2", "6, 2, 2", "rrelu(0.1, 0.5)"), "js64"), 3);
    const x = new Float32Array(count * 24).fill(-1);
    const slopes: number[] = [];
    for (let i = 0; i < 64; i++) {
      const probe = new Float32Array(count * 24).fill(0);
      probe[i] = -1;
      slopes.push((await trainer.step({ x, probe })).loss);
    }
    expect(Math.min(...slopes)).toBeGreaterThanOrEqual(0.1);
    expect(Math.max(...slopes)).toBeLessThan(0.5);
    expect(Math.abs(slopes.reduce((a, b) => a + b) / 64 - 0.3)).toBeLessThan(0.06);
    const probe = new Float32Array(count * 24).fill(-1 / (count * 24));
    expect((await trainer.evaluate({ x, probe })).loss).toBeCloseTo(0.3, 6);
  });

  it("of drop_path(mode = batch) is the same for all samples", async () => {
    const sums = await results("drop_path(0.5, mode = batch)", count * 24, 12);
    const dropped = sums.filter((sum) => Math.abs(sum) < 1e-9).length;
    expect(sums.filter((sum) => Math.abs(sum - 2 * count * 24) < 1e-6).length + dropped).toBe(12);
    expect(dropped).toBeGreaterThan(0);
    expect(dropped).toBeLessThan(12);
  });
});

describe("initial tensors", () => {
  const uniform = (bound: number) => ({ kind: "uniform", low: -bound, high: bound });
  const normal = (std: number) => ({ kind: "normal", mean: 0, std });
  const constant = (value: number) => ({ kind: "constant", value });
  const root = Math.sqrt;
  it.each([
    ["3, 8", "6, 6", "l: conv1d(6, kernel = 3)", { weight: uniform(1 / 3), bias: uniform(1 / 3) }],
    [
      "4, 5, 5",
      "6, 6, 6",
      "l: conv_transpose2d(6, kernel = 2, groups = 2)",
      { weight: uniform(1 / root(12)), bias: uniform(1 / root(12)) },
    ],
    [
      "4, 8",
      "4, 8",
      "l: multi_head_attention(2)",
      {
        in_proj_weight: uniform(root(6 / 32)),
        in_proj_bias: constant(0),
        "out_proj.weight": uniform(1 / root(8)),
        "out_proj.bias": constant(0),
      },
    ],
    ["4, 8", "4, 8", "l: positional_embedding", { weight: normal(0.02) }],
    ["4, 8", "5, 8", "l: class_token", { weight: normal(0.02) }],
    ["4, 8", "4, 8", "l: layer_norm", { weight: constant(1), bias: constant(0) }],
    ["4, 8", "4, 8", "l: rms_norm", { weight: constant(1) }],
    ["4, 8", "4, 8", "l: group_norm(2)", { weight: constant(1), bias: constant(0) }],
    [
      "4, 8",
      "4, 8",
      "l: batch_norm1d",
      { weight: constant(1), bias: constant(0), running_mean: constant(0), running_var: constant(1) },
    ],
    ["4, 5, 5", "4, 5, 5", "l: instance_norm2d(affine = true)", { weight: constant(1), bias: constant(0) }],
    [
      "4, 5, 5",
      "4, 5, 5",
      "l: squeeze_excitation(2)",
      {
        "fc1.weight": uniform(1 / 2),
        "fc1.bias": uniform(1 / 2),
        "fc2.weight": uniform(1 / root(2)),
        "fc2.bias": uniform(1 / root(2)),
      },
    ],
  ])("on [%s] → [%s], of %s", (shape, output, net, expected) => {
    let found: Record<string, unknown> = {};
    compile(modelText(shape, output, net), {
      observe: (stage, module) => {
        if (stage === "elaborate") found = Object.fromEntries(module.tensors.map(({ name, init }) => [name, init]));
      },
    });
    const rounded = (v: unknown) =>
      JSON.parse(JSON.stringify(v), (_, x) => (typeof x === "number" ? Number(x.toPrecision(12)) : x));
    expect(rounded(found)).toEqual(
      rounded(Object.fromEntries(Object.entries(expected).map(([name, init]) => [`l.${name}`, init]))),
    );
  });

  it("of an embedding are normal", () => {
    const { manifest } = compile(modelText("4", "4, 8", "l: embedding(9, 8)", "i32"));
    expect(JSON.stringify(manifest)).toContain('{"kind":"normal","mean":0,"std":1}');
  });
});

it("works whatever the user calls by the names that the library uses inside", () => {
  const own = "fn divides(a, b) = false\nfn pair(x) = [1, 1]\nlayer linear = in";
  const net = "conv2d(4, kernel = 3, padding = same); e: squeeze_excitation(2)";
  const text = modelText("4, 5, 5", "4, 5, 5", net);
  expect(compile(`${text}${own}`).manifest).toEqual(compile(text).manifest);
});

describe("wrong arguments", () => {
  it.each([
    ["4, 5, 5", "conv2d(4, kernel = 3, groups = 3)", "conv2d: 4 input channels do not split into 3 groups"],
    ["4, 5, 5", "conv2d(4, kernel = 3, padding = 5, padding_mode = reflect)", "is more than 4"],
    ["4, 5, 5", "conv1d(4, kernel = 3)", "conv1d works on sequences f32[n, channels, length]"],
    ["4, 5", "conv1d(3, kernel = 3, groups = 2)", "conv1d: 3 output channels do not split into 2 groups"],
    ["4, 5, 5", "conv_transpose2d(4, kernel = 2, stride = 2, output_padding = 2)", "must be below the stride [2, 2]"],
    ["4, 5, 5", "conv_transpose2d(4, kernel = 2, padding = 5)", "leaves something of the image"],
    ["4, 5, 5", "max_pool2d(2, padding = 2)", "more than half of the kernel"],
    ["4, 5, 5", "batch_norm1d", "batch_norm1d works on f32[n, features] or f32[n, channels, length]"],
    ["4, 5, 5", "batch_norm2d(momentum = 2)", "momentum must be from 0 to 1"],
    ["4, 1, 1", "instance_norm2d", "needs more than one place"],
    ["4, 5", "group_norm(3)", "4 channels do not split into 3 groups"],
    ["4, 5", "layer_norm(4)", "does not end with the sizes 4"],
    ["4, 5", "layer_norm([5, 4])", "does not end with the sizes [5, 4]"],
    ["4, 5, 5", "rms_norm([5])", null],
    ["4, 5", "rms_norm(eps = -1)", "eps must not be negative"],
    ["4, 5", "instance_norm1d(eps = -1)", "eps must be from 0 to 1"],
    ["4, 5, 5", "batch_norm2d(4)", "the channels are counted by the compiler", "help"],
    ["4, 5, 5", "group_norm(2, 4)", "eps must be from 0 to 1, found 4"],
    ["4, 5", "dropout1d(-1)", "must be from 0 to 1"],
    ["4, 5", "dropout1d(1)", null],
    ["4, 5", "dropout2d(0.5)", "dropout2d works on images"],
    ["4", "feature_alpha_dropout", "take `alpha_dropout`", "help"],
    ["4", "alpha_dropout(2)", "must be from 0 to 1"],
    ["4, 5", "bilinear(5)", null],
    ["4, 5", "bilinear(5, other = slice(in, axis = 1, start = 0, stop = 2))", "bilinear works on f32[n, …, features]"],
    ["4, 5", "zero_pad1d([-4, -1])", "less than the whole of an axis"],
    ["4, 5", "replication_pad1d([-4, -1])", "leaves nothing of"],
    ["4, 5", "unflatten(1, [3, 2])", "does not become [3, 2]"],
    ["4, 5", "unflatten(0, [2, 2])", "does not become"],
    ["4, 5", "flatten(2, end_dim = 1)", "the axes 2 to 1"],
    ["4, 5", "movedim(1, 5)", "has no axis 5"],
    ["4, 5", "squeeze(1)", "is not of size 1"],
    ["4, 5", "unsqueeze(7)", "no place 7"],
    ["4, 5", "roll(1, axis = 9)", "has no axis 9"],
    ["4, 5", "channel_shuffle(3)", "do not split into 3 groups"],
    ["4, 5", "conv_transpose1d(4, kernel = 2, output_padding = 1)", "must be below the stride"],
    ["4, 5", "conv_transpose1d(4, kernel = 2, groups = 3)", "4 input channels do not split into 3 groups"],
    ["4, 5, 5", "conv_transpose1d(4, kernel = 2)", "works on sequences"],
    ["4, 5", "conv1d(4, kernel = 3, padding = 5, padding_mode = reflect)", "is more than 4"],
    ["4, 5", "max_pool1d(2, padding = 2)", "more than half of the kernel"],
    ["4, 5, 5", "max_pool1d(2)", "max_pool1d works on sequences"],
    ["4, 5, 5", "avg_pool2d(2, divisor_override = 0)", "must not be 0"],
    ["4, 5, 5", "lp_pool2d(0, kernel = 2)", "must be positive"],
    ["4, 5", "zero_pad2d(1)", "zero_pad2d works on 2 axes"],
    ["4, 5", "reflection_pad1d(5)", "is more than 4"],
    ["4, 5", "upsample(7, mode = bilinear)", "bilinear is not for"],
    ["4, 5, 5", "upsample(7, mode = linear)", "linear is not for"],
    ["4, 5", "reshape([n, -1, 3])", "sizes that divide"],
    ["4, 6", "multi_head_attention(2, attn_mask = arange(4))", "make it [tokens, source tokens]", "help"],
    ["4, 6", "multi_head_attention(2, key_padding_mask = in)", "make it a condition", "help"],
    ["4, 6", "sinusoidal_embedding(max_period = 1)", "must be above 1"],
    ["4, 6", "rrelu(0.5, 0.1)", "must not be above"],
    ["4, 6", "swiglu(axis = 3)", "swiglu: the axis must be one of"],
    ["4, 5", "geglu", "has no halves"],
    ["4, 5", "softplus(beta = 0)", "must not be 0"],
    ["4, 5, 5", "dropout2d(1.1)", "must be from 0 to 1"],
    ["4, 5", "drop_path(-0.1)", "must be from 0 to 1"],
    ["4, 5", "flatten(3)", "has no axis 3"],
    ["4, 5, 5", "reflection_pad2d(5)", "is more than 4"],
    ["4, 5, 5", "zero_pad2d([1, 2])", "a number or a list of 4"],
    ["4, 5, 5", "upsample", "either a size or a scale_factor"],
    ["4, 5, 5", "upsample(7, scale_factor = 2)", "either a size or a scale_factor"],
    ["4, 5, 5", "upsample(scale_factor = 0.1)", "nothing is left"],
    ["4, 5, 5", "upsample(7, align_corners = true)", "align_corners is for mode = bilinear"],
    ["6, 5, 5", "pixel_shuffle(2)", "6 channels do not split into 2 × 2 pixels"],
    ["4, 5, 4", "pixel_unshuffle(2)", "does not split into 2 × 2 pixels"],
    ["4, 6", "multi_head_attention(4)", "6 features do not split into 4 heads"],
    ["4, 6, 6", "multi_head_attention(2)", "multi_head_attention works on f32[n, tokens, features]"],
    ["4, 6", "embedding(5, 3)", "whole numbers"],
    // What PyTorch calls otherwise, or is told.
    ["4, 6", "softmax(dim = 1)", "did you mean `axis`?", "help"],
    ["4, 5, 5", "max_pool2d(kernel_size = 2)", "did you mean `kernel`?", "help"],
    ["4, 5, 5", "conv2d(in_channels = 4, out_channels = 3, kernel = 1)", "the compiler counts them", "help"],
    ["4, 6", "multi_head_attention(2, batch_first = true)", "the first axis is always that of the samples", "help"],
    ["4, 6", "dropout(0.5, inplace = true)", "leave it out", "help"],
    ["4, 6", "softmax(axs = 1)", "did you mean `axis`?", "help"],
    [
      "4, 6",
      "slice(in, axis = 2, start = 0, stop = 5) |> argmax(axis = 2) |> embedding(5, 6, max_norm = 0)",
      "max_norm must be positive",
    ],
    ["6, 5", "reshape(split(in, [2, 3])[0], [n, 10])", "sizes that add up to 6"],
  ])("on [%s]: %s", (shape, net, message, part?: string) => {
    // The probe's shape is that of the input: it fits where nothing is wrong.
    const run = () => compile(modelText(shape, shape, net));
    if (message === null) return void run();
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(CompileError);
      const [{ message: text, help, span }] = (error as CompileError).diagnostics;
      expect(part === "help" ? help : text).toContain(message);
      expect(span).not.toBeNull();
      return;
    }
    expect.fail("it compiles");
  });
});
