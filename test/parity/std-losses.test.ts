/** The library's losses and their gradients against PyTorch in float64, at kinks and with nothing to average too. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CompileError } from "../../compiler/diagnostics.ts";
import { difference, givenModel, type Outcome, run } from "./given.ts";
import { type Backend, compileFor } from "./train.ts";

interface Golden {
  readonly name: string;
  readonly loss: string;
  readonly shape: readonly number[] | null;
  readonly features: number;
  readonly pred: readonly number[];
  readonly targets: Readonly<Record<string, { readonly type: string; readonly values: readonly number[] }>>;
  /** null: NaN. */
  readonly value: number | null;
  readonly gradient: readonly (number | null)[];
}

const goldens: readonly Golden[] = JSON.parse(
  readFileSync(new URL("../golden/std-losses.json", import.meta.url), "utf8"),
);

function outcome({ loss, shape, features, pred, targets }: Golden, backend: Backend): Promise<Outcome> {
  const net = shape ? `reshape([n, ${shape.join(", ")}])` : "";
  return run({ features, values: pred, net, heads: `loss ${loss}`, targets }, backend);
}

/** PyTorch's 1e-12 in these is a float32, also where it computes in float64. */
const tolerance = (loss: string): number => (/^bce\(|^cosine/.test(loss) ? 5e-9 : 1e-9);

describe("losses in float64", () => {
  it.each(goldens.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
    const { loss, gradient, evaluation } = await outcome(golden, "js64");
    expect(difference([loss], [golden.value])).toBeLessThan(1e-9);
    expect(difference([evaluation.loss], [golden.value])).toBeLessThan(1e-9);
    expect(difference(gradient, golden.gradient), "gradient").toBeLessThan(tolerance(golden.loss));
  });
});

describe("losses in WebAssembly", () => {
  // One of each sort, and the edges.
  const chosen = goldens.filter(({ name, loss }, i) => {
    const sort = /\w+(?=\()/.exec(loss)![0];
    const first = goldens.findIndex((other) => /\w+(?=\()/.exec(other.loss)![0] === sort) === i;
    return (
      !/^bce (mean|sum)/.test(name) &&
      (first || /^cross_entropy.*(all ignored|weight 0|weight = \[0|\[4, 3, 2\] and class)|mix/.test(name))
    );
  });
  it.each(chosen.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
    const { loss, gradient } = await outcome(golden, "wasm");
    expect(difference([loss], [golden.value])).toBeLessThan(2e-6);
    expect(difference(gradient, golden.gradient)).toBeLessThan(1e-5);
  });
});

/** The message of a model with this loss on a net of 4 features. */
function message(loss: string, targets: Readonly<Record<string, string>> = { label: "class[4]" }): string {
  const given = Object.entries(targets).map(([name, type]) => [name, { type, values: [] }] as const);
  const values = [1, 2, 3, 4];
  try {
    compileFor(givenModel({ features: 4, values, heads: `loss ${loss}`, targets: Object.fromEntries(given) }), "js");
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics.map((d) => `${d.message}; ${d.help}`).join("\n");
    throw error;
  }
  return "";
}

describe("wrong arguments of losses", () => {
  const values = { values: "f32[4]" };
  it.each([
    ["cross_entropy(net, label, weight = [1, 2])", undefined, /`weight` needs a number for each of 4 classes/],
    ["cross_entropy(net, label, label_smoothing = 2)", undefined, /from 0 to 1, found 2/],
    ["cross_entropy(net, label)", { label: "class[3]" }, /gives 4 features for 3 classes; make the size/],
    ["cross_entropy(net, label)", { label: "f32" }, /found f32\[n\] for .*; declare `target label: class\[4\]`/],
    ["cross_entropy(net, values, ignore_index = 1)", values, /this target holds probabilities.*; leave out/],
    ["cross_entropy(net, label, reduction = some)", undefined, /mean/],
    ["cross_entropy(net, label, ignore_index = 255)", undefined, /holds 0 … 4 − 1 alone; declare the target as `i32`/],
    ["nll(net, label, ignore_index = 4)", undefined, /holds 0 … 4 − 1 alone/],
    ["nll(net, label)", { label: "f32[4]" }, /nll compares with one class a sample/],
    ["nll(net, label, weight = [1])", undefined, /`weight` needs a number for each of 4 classes/],
    ["bce(net, values)", { values: "f32[3]" }, /tensors of one shape/],
    ["bce_with_logits(net, values)", { values: "f32[3]" }, /tensors of one shape/],
    ["kl_div(net, values)", { values: "f32[3]" }, /tensors of one shape/],
    ["hinge(net, label)", undefined, /one shape.*; .*for classes use multi_margin/],
    ["multi_margin(net, label, p = 3)", undefined, /p must be 1 or 2, found 3/],
    ["multi_margin(net, values)", values, /one class a sample/],
    ["cosine_embedding(net, values, values)", values, /1 or −1 for each pair/],
    ["cosine_embedding(net, net, y, margin = 3)", { y: "f32" }, /from −1 to 1, found 3/],
    ["soft_margin(net, label)", undefined, /tensors of one shape/],
    [
      "mse(net, values, weight = y)",
      { values: "f32[4]", y: "f32" },
      /mse: the weights of .* are f32\[n\]; give them its shape/,
    ],
    ["poisson_nll(net, values, eps = -1)", values, /eps must not be negative, found -1; eps is 1e-8/],
    ["poisson_nll(net, label)", undefined, /tensors of one shape/],
    ["gaussian_nll(net, values, var = 1, eps = 0)", values, /eps must be positive/],
    ["huber(net, values, delta = 0)", values, /delta must be positive/],
    ["smooth_l1(net, values, beta = -1)", values, /beta must not be negative/],
    ["hinge_embedding(net, y)", { y: "f32" }, /hinge_embedding compares tensors of one shape/],
    ["multilabel_soft_margin(net, y)", { y: "f32" }, /tensors of one shape/],
    ["margin_ranking(net, values, y)", { values: "f32[4]", y: "f32" }, /tensors of one shape.*; end both branches/],
    ["triplet_margin(net, values, y)", { values: "f32[4]", y: "f32" }, /one shape.*; apply one shared net/],
    ["triplet_margin(net, values, values, margin = 0)", values, /margin must be positive/],
    ["triplet_margin(net, values, values, p = 0)", values, /pairwise_distance: p must be positive/],
    ["triplet_margin_with_distance(net, values, values, margin = -1)", values, /margin must be positive/],
    ["sum(cosine_similarity(net, values, eps = 0))", values, /eps must be positive/],
  ])("%s", (loss, targets, expected) => {
    expect(message(loss, targets as Readonly<Record<string, string>> | undefined)).toMatch(expected);
  });
});

it("says NaN where an i32 target is neither a class nor ignored", async () => {
  const given = { features: 4, values: [1, 2, 3, 4, 4, 3, 2, 1], heads: "loss cross_entropy(net, label)" };
  const loss = async (values: number[]) =>
    (await run({ ...given, targets: { label: { type: "i32", values } } }, "js")).loss;
  expect(await loss([1, -1])).toBeNaN();
  expect(await loss([1, 4])).toBeNaN();
  expect(await loss([1, -100])).toBeCloseTo(2.44019, 5);
});
