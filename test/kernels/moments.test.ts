/** Mean and variance over a batch from one pass, against float64: as exact as from two. And where the pass works. */
import { describe, expect, test } from "vitest";
import { shareMoments } from "../../compiler/3-passes/moments.ts";
import { explain } from "../../compiler/explain.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import type { Module } from "../../compiler/ir/graph.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { load, targets } from "./run.ts";

const BATCH = 9;
const CHANNELS = 5;

function moduleOf(b: Builder, height: number, width: number): Module {
  const shape = ["n", CHANNELS, height, width] as const;
  const x = b.op("input", [], { dtype: "f32", name: "x", shape });
  const over = (y: typeof x) => b.div(b.sum(y, [0, 2, 3]), b.mul(b.host("n"), height * width));
  const mean = over(x);
  const centred = b.sub(x, b.broadcast(mean, shape, [1]));
  const variance = over(b.mul(centred, centred));
  const results = [
    { name: "mean", value: mean },
    { name: "variance", value: variance },
  ];
  return {
    name: "moments",
    batch: BATCH,
    inputs: [{ name: "x", role: "input", dtype: "f32", shape: shape.slice(1) as number[], span: null }],
    tensors: [],
    programs: [{ name: "run", results, updates: [] }],
  };
}

/** An element by sample, channel, row and column; `noise()` is uniform in ±1. */
type Element = (at: { n: number; c: number; y: number; x: number }, noise: () => number) => number;

function seeded(): () => number {
  let state = 7;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function imageOf(element: Element, n: number, height: number, width: number): Tensor {
  const noise = seeded();
  const data = new Float64Array(n * CHANNELS * height * width);
  let i = 0;
  for (let s = 0; s < n; s++)
    for (let c = 0; c < CHANNELS; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) data[i++] = Math.fround(element({ n: s, c, y, x }, noise));
  return { shape: [n, CHANNELS, height, width], data };
}

function exactly(x: Tensor): { mean: number[]; variance: number[] } {
  const [n, , height, width] = x.shape;
  const size = height * width;
  const values = (c: number) =>
    Array.from({ length: n * size }, (_, i) => x.data[(Math.floor(i / size) * CHANNELS + c) * size + (i % size)]);
  const average = (list: readonly number[]) => list.reduce((a, v) => a + v, 0) / list.length;
  const channels = Array.from({ length: CHANNELS }, (_, c) => values(c));
  const mean = channels.map(average);
  return { mean, variance: channels.map((list, c) => average(list.map((v) => (v - mean[c]) ** 2))) };
}

/** Largest errors of a channel: the mean's by the root of the mean square, the variance's by itself. */
async function errorsOf(x: Tensor, target: keyof typeof targets, shared: boolean) {
  const [n, , height, width] = x.shape;
  const b = new Builder();
  const module = moduleOf(b, height, width);
  const running = await load(shared ? shareMoments(module, b) : module, b, targets[target]);
  running.write("x", x);
  const [scalar] = running.assembled.manifest.scalars;
  new Float32Array(running.engine.memory, scalar.address, 1)[0] = n * height * width;
  running.engine.run("run", n);
  const got = { mean: running.read("run", "mean", n).data, variance: running.read("run", "variance", n).data };
  const want = exactly(x);
  const worst = (error: (c: number) => number) => Math.max(...want.mean.map((_, c) => error(c)));
  return {
    mean: worst((c) => Math.abs(got.mean[c] - want.mean[c]) / Math.hypot(want.mean[c], Math.sqrt(want.variance[c]))),
    variance: worst((c) => Math.abs(got.variance[c] - want.variance[c]) / want.variance[c]),
    least: Math.min(...got.variance),
    largest: Math.max(...got.variance),
  };
}

/** With the largest error of the variance. */
const data: readonly (readonly [string, Element, number])[] = [
  ["of mean 0", (_, noise) => noise(), 5e-7],
  ["of mean 1000", (_, noise) => 1000 + noise(), 5e-7],
  // A standard deviation is nine units in the last place.
  ["of mean 1e6", (_, noise) => 1e6 + noise(), 0.05],
  ["samples far apart", ({ n }, noise) => 1000 * n + noise(), 5e-7],
  ["huge", (_, noise) => 1e15 * noise(), 5e-7],
  ["tiny", (_, noise) => 1e-15 * noise(), 5e-7],
  ["an outlier among what the centre is taken from", ({ y, x }, noise) => (y === 4 && x === 0 ? 1e4 : noise()), 5e-7],
  // The centre is as far away from the mean as it can be.
  ["other values in every eighth row", ({ y }, noise) => (y % 8 === 4 ? 100 : 0) + 1e-3 * noise(), 5e-6],
];

const sizes = [
  [16, 16],
  [13, 9],
  [64, 1],
] as const;

describe.each(["wasm", "js"] as const)("%s", (target) => {
  describe.each(sizes)("%i × %i", (height, width) => {
    test.each(data)("%s", async (_, element, bound) => {
      for (const n of [1, 2, BATCH]) {
        const x = imageOf(element, n, height, width);
        for (const shared of [false, true]) {
          const error = await errorsOf(x, target, shared);
          expect(error.variance).toBeLessThan(bound);
          expect(error.mean).toBeLessThan(5e-7);
        }
      }
    });

    test("constant channels", async () => {
      const x = imageOf(({ c }) => Math.sin(c + 1), BATCH, height, width);
      const { least, largest } = await errorsOf(x, target, true);
      expect(least).toBeGreaterThanOrEqual(0);
      expect(largest).toBeLessThan(1e-12);
    });
  });
});

describe("the pass", () => {
  /** The graph of a step before and behind the pass. */
  function stagesOf(layers: string): [string, string] {
    const source = `model m {
  input image: f32[8, 16, 16]
  target label: class[4]
  net { ${layers}; flatten; linear(4) }
  loss cross_entropy(net, label)
  optimizer sgd(lr = 0.1)
}`;
    const stage = (name: string) => explain(source, { stage: name, program: "train_step" });
    const graph = (text: string) => text.split("\n").filter((line) => line.startsWith("  "));
    return [graph(stage("gradient")).join("\n"), graph(stage("moments")).join("\n")];
  }

  test.each([
    "batch_norm2d",
    "conv2d(6, kernel = 3); batch_norm2d(affine = false, track_running_stats = false)",
    "reshape([n, 8, 256]); batch_norm1d",
    "let mu = mean(in, axis = [0, 1, 2, 3]); in / sqrt(mean((in - mu) ^ 2, axis = [0, 1, 2, 3]))",
  ])("sees the variance in %s", (layers) => {
    const [before, after] = stagesOf(layers);
    expect(before).not.toContain("slice");
    expect(after).toContain("slice");
  });

  test.each([
    "flatten; batch_norm1d",
    "avg_pool2d(4); batch_norm2d",
    "instance_norm2d",
    "layer_norm",
    "group_norm(2)",
    "in / sqrt(mean((in - 1) ^ 2, axis = [0, 2, 3], keepdim = true))",
  ])("leaves %s alone", (layers) => {
    const [before, after] = stagesOf(layers);
    expect(after).toBe(before);
  });
});
