import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { explain, stages } from "../../compiler/explain.ts";

const read = (name: string) => readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");
const regression = (loss: string) => `model r {
  input image: f32[1, 4, 4]
  target y: f32[3]
  net { flatten; linear(3) }
  loss ${loss}(net, y)
  optimizer sgd(lr = 0.1)
}`;

describe("explain --stage gradient", () => {
  test.each([
    ["cross_entropy", read("tutorial"), "d loss / d logits = (softmax(logits) - one_hot(label)) / n"],
    ["cross_entropy behind batch norm", read("resnet20"), "d loss / d logits = (softmax(logits) - one_hot(label)) / n"],
    ["mse", regression("mse"), "d loss / d output = 2 * (output - y) / (3 * n)"],
    ["l1", regression("l1"), "d loss / d output = sign(output - y) / (3 * n)"],
  ])("shows the gradient of %s", (_, source, formula) => {
    const text = explain(source, { stage: "gradient", program: "train_step" });
    expect(text.split("\n")[0]).toBe(`; ${formula}`);
    expect(text).toContain("update");
  });
});

test.each(stages.map((stage) => stage.name))("stage %s explains every program", (stage) => {
  const text = explain(read("mlp"), { stage });
  for (const program of ["train_step", "evaluate", "forward"]) expect(text).toContain(program);
});

describe("explain --stage algorithms", () => {
  const lines = (source: string, numerics: "strict" | "fast") =>
    explain(source, { stage: "algorithms", numerics })
      .split("\n")
      .filter((line) => /^; +\d+×\d+, /.test(line));

  test("tells how each convolution is computed, why, and what else was weighed", () => {
    const fast = lines(read("resnet20"), "fast");
    expect(fast).toHaveLength(21);
    const row = /3×3, 16 → 16, 32×32 +winograd4 +the fastest by estimate +winograd4 \d+ \(.* Mflop\), .*direct \d+ /;
    expect(fast.filter((line) => row.test(line)).length).toBeGreaterThan(0);
    expect(fast.filter((line) => /1×1, 16 → 32, 16×16 +direct +its stride is not 1/.test(line))).toHaveLength(1);
  });

  test("numerics = strict rules out Winograd's algorithm, unless a layer asks for it", () => {
    const strict = lines(read("tutorial"), "strict");
    expect(strict).toHaveLength(3);
    for (const line of strict) expect(line).toMatch(/ direct +numerics = strict +.*winograd4 \d+/);
    const asking = read("tutorial").replace("conv2: conv2d(32,", "conv2: conv2d(32, algorithm = winograd2,");
    expect(lines(asking, "strict")[1]).toMatch(/ winograd2 +the model asks for it/);
    const refusing = read("tutorial").replace("conv2: conv2d(32,", "conv2: conv2d(32, algorithm = direct,");
    expect(lines(refusing, "fast")[1]).toMatch(/ direct +the model asks for it/);
    const forAll = refusing.replace("epochs = 20,", "epochs = 20, convolution = winograd4,");
    expect(
      lines(forAll, "strict").map((line) => / (direct|winograd\d) +the model asks for it/.exec(line)?.[1]),
    ).toEqual(["winograd4", "direct", "winograd4"]);
  });
});

test("explain --stage memory shows batch norm's sums behind the convolution, for the same few samples", () => {
  const text = explain(read("mobilenet_small"), { stage: "memory", program: "train_step" });
  expect(text.match(/^ +\d+ at a time: .*conv2d, sum_div, sum,/gm)?.length).toBeGreaterThan(10);
  const fast = explain(read("resnet20"), { stage: "memory", program: "train_step" });
  expect(fast.match(/^ +\d+ at a time: .*untile, sum_div, sum,/gm)?.length).toBeGreaterThan(10);
});

describe("explain --stage fusion", () => {
  const kernels = (layers: string) => {
    const source = `model m {
  input image: f32[8, 16, 16]
  target label: class[4]
  net { ${layers}; flatten; linear(4) }
  loss cross_entropy(net, label)
  optimizer sgd(lr = 0.1)
  train { batch = 64 }
}`;
    return explain(source, { stage: "fusion", program: "train_step" }).split("\n");
  };
  const conv = (channels: number, rest = "") => `conv2d(${channels}, kernel = 3, padding = 1${rest})`;

  test("shows the two sums of batch norm in one kernel, and those of its gradient", () => {
    const double = (layers: string) => kernels(layers).filter((line) => /^ +sum .*two of the same elements/.test(line));
    expect(double(`${conv(8)}; batch_norm2d; relu; ${conv(8)}; batch_norm2d; relu`)).toHaveLength(4);
    expect(double("batch_norm2d")).toHaveLength(2);
    expect(double(`${conv(8)}; relu`)).toHaveLength(0);
  });

  test("stores what is repeated along rows and columns once, not spread out", () => {
    const gated = kernels("conv2d(8, kernel = 1); squeeze_excitation(4, scale_activation = hardsigmoid)");
    expect(gated.filter((line) => /^ +map_where +f32\[n, 8, 1, 1\] .*read many times/.test(line))).toHaveLength(1);
    expect(gated.filter((line) => /^ +map_broadcast/.test(line))).toEqual([]);
  });

  test("reads the weights of a layer on sequences once, whatever the number of samples", () => {
    const sequence = kernels("reshape([n, 128, 16]); linear(32); relu; linear(16)");
    expect(sequence.filter((line) => /^ +matmul_add +f32\[n, 128, (32|16)\]/.test(line))).toHaveLength(2);
    expect(sequence.filter((line) => /^ +contract_rows +f32\[(32, 16|16, 32)\]/.test(line))).toHaveLength(2);
    expect(sequence.filter((line) => /f32\[n, (32, 16|16, 32)\]/.test(line))).toEqual([]);
  });

  test.each([
    ["channel_shuffle(4)", "f32[n, 8, 16, 16]"],
    ["pixel_shuffle(2)", "f32[n, 2, 32, 32]"],
    ["pixel_unshuffle(2)", "f32[n, 32, 8, 8]"],
  ])("%s and its gradient copy once each", (shuffle, result) => {
    const copies = kernels(`${conv(8)}; relu; ${shuffle}; ${conv(8)}`).filter((line) => /^ +reshape/.test(line));
    // And one more for `flatten`.
    expect(copies.map((line) => /f32\[[^\]]*\]/.exec(line)![0]).slice(0, 1)).toEqual([result]);
    expect(copies).toHaveLength(3);
  });

  test("reads an axis that is split as it lies in memory", () => {
    const attention = kernels("reshape([n, 128, 16]); multi_head_attention(4)");
    expect(attention.filter((line) => /^ +reshape +f32\[n, 128, 4, 4\]/.test(line))).toEqual([]);
  });

  test("shows one kernel for the value and the gradient of cross entropy", () => {
    expect(kernels("relu").filter((line) => line.includes("softmax "))).toHaveLength(1);
  });

  test("shows what is brought into the cache before it is read in patches", () => {
    const prefetched = (layers: string) => kernels(layers).filter((line) => line.trim().startsWith("prefetch"));
    expect(prefetched(`${conv(32)}; batch_norm2d; relu; ${conv(32)}; batch_norm2d; relu`).length).toBeGreaterThan(0);
    expect(prefetched("relu")).toEqual([]);
  });
});
