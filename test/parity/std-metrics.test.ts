/** The library's metrics, and the distributions of its initialisers, against PyTorch. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Init } from "../../compiler/ir/graph.ts";
import type { Values } from "../../runtime/api.ts";
import { difference, givenModel, run } from "./given.ts";
import { compileFor } from "./train.ts";

interface Measured {
  readonly pred: readonly number[];
  readonly label: readonly number[];
  readonly metrics: Readonly<Record<string, number | readonly number[]>>;
}

interface Golden extends Measured {
  readonly features: number;
  /** A prediction for each pixel, of [classes, height, width]. */
  readonly pixels: Measured & { readonly shape: readonly number[] };
  readonly values: readonly number[];
  readonly initialisers: readonly {
    readonly init: string;
    readonly shape: readonly number[];
    readonly sampled: Init;
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("../golden/std-metrics.json", import.meta.url), "utf8"));

const numbers = (value: number | Values): number[] => (typeof value === "number" ? [value] : [...value]);

/** Each metric by its text. */
async function measure(
  metrics: readonly string[],
  pred: readonly number[],
  label: readonly number[],
  values: readonly number[],
  net = "",
): Promise<Record<string, readonly number[]>> {
  const features = pred.length / label.length;
  const heads = ["loss cross_entropy(net, label)", ...metrics.map((text, i) => `metric m${i}: ${text}`)].join("\n");
  const targets = {
    label: { type: `class[${features}]`, values: label },
    values: { type: `f32[${features}]`, values },
  };
  const { evaluation } = await run({ features, values: pred, net, heads, targets }, "wasm");
  return Object.fromEntries(metrics.map((text, i) => [text, numbers(evaluation[`m${i}`])]));
}

describe("metrics", () => {
  it("are PyTorch's", async () => {
    const { metrics, pred, label, values } = golden;
    const measured = await measure(Object.keys(metrics), pred, label, values);
    for (const [name, expected] of Object.entries(metrics)) {
      expect(difference(measured[name], [expected].flat()), name).toBeLessThan(1e-5);
    }
  });

  it("are PyTorch's for a prediction of each pixel", async () => {
    const { shape, pred, label, metrics } = golden.pixels;
    const heads = Object.keys(metrics).map((text, i) => `metric m${i}: ${text}`);
    const { evaluation } = await run(
      {
        features: shape.reduce((a, b) => a * b),
        values: pred,
        net: `reshape([n, ${shape.join(", ")}])`,
        heads: ["loss cross_entropy(net, label)", ...heads].join("\n"),
        targets: { label: { type: `class[${shape.join(", ")}]`, values: label } },
      },
      "wasm",
    );
    for (const [i, [name, expected]] of Object.entries(metrics).entries()) {
      expect(difference(numbers(evaluation[`m${i}`]), [expected].flat()), name).toBeLessThan(1e-5);
    }
  });

  it("take the lower class for the larger of equal outputs", async () => {
    const metrics = [
      "accuracy(net, label)",
      "error_rate(net, label)",
      ...[1, 2, 3].map((k) => `top_k(net, label, k = ${k})`),
    ];
    const pred = [0, 0, 0, 1, 2, 2, 0, 0, 0, 5, 5, 1];
    const measured = await measure(metrics, pred, [2, 2, 0, 1], pred);
    expect(Object.values(measured)).toEqual([[0.25], [0.75], [0.25], [0.75], [1]]);
  });

  it("count an output of NaN as no hit", async () => {
    const some = [1, 2, 3, 4, 5, 6, 7, 8];
    const measured = await measure(["top_k(net, label, k = 3)"], some, [0, 3], some, "|> { log(-in) }");
    expect(Object.values(measured)).toEqual([[0]]);
  });

  it.each([
    ["top_k(net, label, k = 8)", /k is 8, but there are 7 classes/],
    ["top_k(net, label, k = 0)", /a whole number of at least 1/],
    ["top_k(net, values)", /compares with one class a sample/],
    ["mean_squared_error(net, label)", /tensors of one shape/],
    ["error_rate(net, values)", /one class a sample/],
    ["confusion_matrix(net, values)", /one class a sample/],
    ["precision(net, values)", /one class a sample/],
    ["max(net, axis = 1)", /without the axis of samples/],
  ])("%s", (text, expected) => {
    const targets = { label: { type: "class[7]", values: [] }, values: { type: "f32[7]", values: [] } };
    const heads = `loss cross_entropy(net, label)\nmetric m: ${text}`;
    expect(() => compileFor(givenModel({ features: 7, values: golden.pred, heads, targets }), "js")).toThrow(expected);
  });
});

describe("initialisers", () => {
  it.each(golden.initialisers.map((entry) => [`${entry.init} of [${entry.shape}]`, entry] as const))(
    "%s",
    (_, entry) => {
      const { init, shape, sampled } = entry;
      const definitions = `layer own { param weight[${shape.join(", ")}] ~ ${init}; in * sum(weight) }`;
      const text = givenModel({
        features: 4,
        values: [1, 2, 3, 4],
        definitions,
        net: "own: own",
        heads: "loss mse(net, y)",
        targets: { y: { type: "f32[4]", values: [] } },
      });
      const found = compileFor(text, "js").manifest.tensors.find(({ name }) => name === "own.weight")!.init;
      expect(Object.keys(found)).toEqual(Object.keys(sampled));
      for (const [key, expected] of Object.entries(sampled)) {
        const value = found[key as keyof Init] as string | number;
        if (typeof expected === "number") expect(value, key).toBeCloseTo(expected, 12);
        else expect(value, key).toBe(expected);
      }
    },
  );

  it.each(["kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal"])("%s is not for vectors", (init) => {
    const definitions = `layer own { param weight[3] ~ ${init}; in * sum(weight) }`;
    const targets = { y: { type: "f32[4]", values: [] } };
    const given = {
      features: 4,
      values: [1, 2, 3, 4],
      definitions,
      net: "own: own",
      heads: "loss mse(net, y)",
      targets,
    };
    expect(() => compileFor(givenModel(given), "js")).toThrow(/two axes or more, found \[3\]/);
  });
});
