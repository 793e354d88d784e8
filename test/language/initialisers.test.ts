/** How parameters start: PyTorch's defaults, the library's initialisers, and what a layer's caller chooses. */
import { describe, expect, it } from "vitest";
import type { Init } from "../../runtime/abi.ts";
import { check, modelWith } from "../errors/front-end.ts";

function inits(text: string, overrides: Record<string, string> = {}): Record<string, Init> {
  const { diagnostics, model } = check(modelWith(text), overrides);
  expect(diagnostics.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
  return Object.fromEntries(model!.module.tensors.map(({ name, init }) => [name, init]));
}
const ofNet = (net: string, rest = "") => inits(`net { ${net}; flatten; fc: linear(10) }\n${rest}`);
const message = (text: string): string =>
  check(modelWith(text))
    .diagnostics.map((d) => [d.message, d.help ?? "", ...d.notes.map((n) => n.message)].join("; "))
    .join("\n");

const uniform = (bound: number): Init => ({ kind: "uniform", low: -bound, high: bound });
const normal = (std: number, mean = 0): Init => ({ kind: "normal", mean, std });
const root = Math.sqrt;

/** The weight [6, 2, 3, 3] of a convolution, by the initialiser: fan_in 18, fan_out 54. */
describe("the library's initialisers", () => {
  it.each([
    ["zeros", { kind: "constant", value: 0 }],
    ["ones", { kind: "constant", value: 1 }],
    ["constant(0.3)", { kind: "constant", value: 0.3 }],
    ["0.3", { kind: "constant", value: 0.3 }],
    ["uniform", { kind: "uniform", low: 0, high: 1 }],
    ["uniform(±0.1)", uniform(0.1)],
    ["uniform(a = -1, b = 2)", { kind: "uniform", low: -1, high: 2 }],
    ["constant(val = 2)", { kind: "constant", value: 2 }],
    ["normal", normal(1)],
    ["normal(1, std = 0.02)", normal(0.02, 1)],
    ["trunc_normal(std = 0.02)", { kind: "trunc_normal", mean: 0, std: 0.02, low: -2, high: 2 }],
    ["trunc_normal(1, 2, a = 0, b = 3)", { kind: "trunc_normal", mean: 1, std: 2, low: 0, high: 3 }],
    ["xavier_uniform", uniform(root(6 / 72))],
    ["xavier_uniform(gain = 2)", uniform(2 * root(6 / 72))],
    ["xavier_normal(gain = 2)", normal(2 * root(2 / 72))],
    ["kaiming_uniform", uniform(root(2) * root(3 / 18))],
    ["kaiming_uniform(a = sqrt(5))", uniform(1 / root(18))],
    ["kaiming_uniform(mode = fan_out, nonlinearity = relu)", uniform(root(2) * root(3 / 54))],
    ["kaiming_normal(nonlinearity = tanh)", normal(5 / 3 / root(18))],
    ["kaiming_normal(nonlinearity = selu)", normal(3 / 4 / root(18))],
    ["kaiming_normal(nonlinearity = sigmoid)", normal(1 / root(18))],
    ["kaiming_normal(a = 0.2)", normal(root(2 / 1.04) / root(18))],
    ["orthogonal(gain = 2)", { kind: "orthogonal", gain: 2 }],
    ["dirac", { kind: "identity", groups: 1 }],
    ["dirac(groups = 2)", { kind: "identity", groups: 2 }],
  ] as const)("%s", (text, expected) => {
    const { "conv.weight": init } = ofNet(
      `conv2d(2, kernel = 1); conv: conv2d(6, kernel = 3, padding = 1, weight_init = ${text})`,
    );
    const rounded = (v: unknown) =>
      JSON.stringify(v, (_, x) => (typeof x === "number" ? Number(x.toPrecision(12)) : x));
    expect(rounded(init)).toBe(rounded(expected));
  });

  it("for matrices", () => {
    const found = inits("net { flatten; a: linear(64, weight_init = eye); fc: linear(10, weight_init = sparse(0.5)) }");
    expect(found["a.weight"]).toEqual({ kind: "identity", groups: 1 });
    expect(found["fc.weight"]).toEqual({ kind: "sparse", sparsity: 0.5, std: 0.01 });
  });
});

describe("a layer's caller chooses", () => {
  it("for each parameter on its own; the others stay as they are", () => {
    const found = ofNet("a: conv2d(4, kernel = 1, bias_init = zeros); b: batch_norm2d(weight_init = 0.5)");
    expect(found["a.weight"].kind).toBe("uniform");
    expect(found["a.bias"]).toEqual({ kind: "constant", value: 0 });
    expect(found["b.weight"]).toEqual({ kind: "constant", value: 0.5 });
    expect(found["b.bias"]).toEqual({ kind: "constant", value: 0 });
  });

  it("in layers of the user's own, which may hand it on and have defaults", () => {
    const own = `layer scale { param factor[in.channels] ~ ones; in * per_channel(factor) }
      layer block(start: init = kaiming_normal(mode = fan_out)) { conv: conv2d(4, kernel = 1, weight_init = start) }
      init mine(std) = normal(std = std / sqrt(fan_in))`;
    const found = ofNet(
      "a: scale(factor_init = normal(1, 0.1)); b: block; c: block(xavier_uniform); d: block(mine(3))",
      own,
    );
    expect(found["a.factor"]).toEqual(normal(0.1, 1));
    expect(found["b.conv.weight"]).toEqual(normal(root(2) / root(4)));
    expect(found["c.conv.weight"]).toEqual(uniform(root(6 / 8)));
    expect(found["d.conv.weight"]).toEqual(normal(3 / root(4)));
  });

  it("through a pipe, and from the command line", () => {
    const text =
      "net { let x = in |> a: conv2d(4, kernel = 1, weight_init = zeros); b: conv2d(4, kernel = 1)\nflatten; fc: linear(10) }";
    expect(inits(text)["a.weight"]).toEqual({ kind: "constant", value: 0 });
    expect(inits(text, { "net.b.weight_init": "orthogonal(2)" })["b.weight"]).toEqual({ kind: "orthogonal", gain: 2 });
  });

  it.each([
    ["conv2d(4, kernel = 1, wieght_init = zeros)", /`wieght_init`.*did you mean `weight_init`/s],
    ["conv2d(4, kernel = 1, bias = false, bias_init = zeros)", /`bias_init`/],
    ["relu(weight_init = zeros)", /no (argument|parameter).*`weight_init`/],
    ["conv2d(4, kernel = 1, weight_init = relu)", /an initialiser, such as/],
    ["conv2d(4, kernel = 1, weight_init = nosuch)", /`nosuch`/],
    ["conv2d(4, kernel = 1, weight_init = zeros, weight_init = ones)", /twice/],
    ["conv2d(4, kernel = 1, bias_init = orthogonal)", /two axes or more, found \[4\]; take `normal`/],
    ["conv2d(4, kernel = 1, weight_init = eye)", /take `dirac` for convolutions/],
    ["conv2d(4, kernel = 1, weight_init = dirac(groups = 3))", /does not split into 3 groups/],
    ["conv2d(4, kernel = 1, bias_init = dirac)", /weights of convolutions, found \[4\]; take `eye`/],
    ["conv2d(4, kernel = 1, weight_init = normal(std = -1))", /at least 0/],
    ["conv2d(4, kernel = 1, weight_init = trunc_normal(a = 2, b = 1))", /below b/],
    ["flatten; linear(4, weight_init = sparse(2))", /from 0 to 1, found 2/],
  ])("but not %s", (net, expected) => {
    expect(message(`net { ${net}; flatten; fc: linear(10) }`)).toMatch(expected);
  });
});
