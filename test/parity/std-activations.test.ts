/** The library's activations and their gradients against PyTorch in float64, at the kinks too. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CompileError } from "../../compiler/diagnostics.ts";
import { uniform } from "./fixtures.ts";
import { difference, givenModel, type Outcome, run } from "./given.ts";
import { type Backend, compileFor } from "./train.ts";

interface Golden {
  readonly net: string;
  readonly output: readonly number[];
  readonly gradient: readonly number[];
  /** The gradient of the activation's own parameter. */
  readonly weight?: readonly number[];
}

const goldens: { features: number; values: number[]; entries: Golden[] } = JSON.parse(
  readFileSync(new URL("../golden/std-activations.json", import.meta.url), "utf8"),
);

function outcome({ net, output }: Golden, backend: Backend): Promise<Outcome> {
  const { features, values } = goldens;
  const size = (output.length / values.length) * features;
  const pattern = [...uniform("pattern", [output.length], -1, 1)];
  return run(
    {
      features,
      values,
      net: `${net}; flatten`,
      definitions: "loss probe(y, pattern) = y * pattern",
      heads: "loss probe(net, pattern, reduction = sum)",
      targets: { pattern: { type: `f32[${size}]`, values: pattern } },
    },
    backend,
  );
}

const TOLERANCE = { js64: 1e-9, wasm: 2e-5 } as const;

describe.each(["js64", "wasm"] as const)("activations, %s", (backend) => {
  it.each(goldens.entries.map((golden) => [golden.net, golden] as const))("%s", async (_, golden) => {
    const start = Number(/init = ([\d.]+)/.exec(golden.net)?.[1] ?? 0.25);
    const { output, gradient, trainer } = await outcome(golden, backend);
    // What `predict` gives is in float32.
    expect(difference(output, golden.output), "output").toBeLessThan(Math.max(TOLERANCE[backend], 1e-6));
    expect(difference(gradient, golden.gradient), "gradient").toBeLessThan(TOLERANCE[backend]);
    if (!golden.weight) return;
    const weight = [...trainer.tensor("act.weight").data].map((value) => start - value);
    expect(difference(weight, golden.weight), "the parameter's gradient").toBeLessThan(TOLERANCE[backend]);
  });
});

it("NaN propagates, as in PyTorch", async () => {
  const names = goldens.entries.map(({ net }) => net).filter((net) => /^\w+$/.test(net));
  const metrics = names.map((name) => `metric ${name}_of_nan: sum(${name}(net) ^ 2)`);
  const heads = ["loss mse(net, y)", ...metrics].join("\n  ");
  const targets = { y: { type: "f32[4]", values: [1, 2, 3, 4] } };
  const given = { features: 4, values: [1, 2, 3, 4], net: "|> { log(-in) }", heads, targets };
  const { evaluation } = await run(given, "wasm");
  for (const name of names) expect(evaluation[`${name}_of_nan`], name).toBeNaN();
});

describe("wrong arguments of activations", () => {
  it.each([
    ["act: prelu(num_parameters = 3)", /3 parameters for 4 channels.*; num_parameters is 1 or/],
    ["glu(axis = 0)", /not that of the samples, found 0/],
    ["glu(axis = 2)", /found 2/],
    ["linear(5); glu", /an odd size along axis -1/],
    ["hardtanh(min_val = 2, max_val = 1)", /must not be above max_val, found 2 and 1/],
    ["softshrink(lambd = -1)", /must not be negative, found -1/],
    ["celu(alpha = 0)", /must not be 0/],
    ["elu(alpha = net)", /alpha|net/],
  ])("%s", (net, expected) => {
    const heads = "loss mse(net, y)";
    const given = { features: 4, values: [1, 2, 3, 4], net, heads, targets: { y: { type: "f32[4]", values: [] } } };
    try {
      compileFor(givenModel(given), "js");
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      expect(error.diagnostics.map((d) => `${d.message}; ${d.help}`).join("\n")).toMatch(expected);
      return;
    }
    expect.fail("compiles");
  });
});
