/** What the passes say of an operation across samples, against its reference: sample by sample, and summed over samples. */
import { describe, expect, test } from "vitest";
import { acrossSamples } from "../../compiler/3-passes/samples.ts";
import type { Value } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { gather, stridesOf } from "../../compiler/ops/tensor.ts";
import { buildSample, sampleCases } from "../ops/samples.ts";

/** One sample of a tensor. */
function sampleOf(x: Tensor, axis: number, sample: number): Tensor {
  const strides = stridesOf(x.shape);
  const shape = x.shape.map((size, i) => (i === axis ? 1 : size));
  return gather(x, shape, strides, sample * strides[axis]);
}

const knowsSamples = ({ type }: Value) => type.shape.includes("n");

const cases = sampleCases()
  .filter(({ sample, op }) => (sample.n ?? 0) > 1 && op.name !== "random_uniform")
  .filter((sample) => [...buildSample(sample).value.inputs, buildSample(sample).value].some(knowsSamples))
  .map((sample) => ({ ...sample, across: acrossSamples(buildSample(sample).value) }));

describe.each(["apart", "summed"] as const)("operations that are %s", (across) => {
  const those = cases.filter((sample) => sample.across === across);

  test("are some", () => {
    expect(those.length).toBeGreaterThan(across === "apart" ? 50 : 5);
  });

  test.each(those)("$title", (sample) => {
    const { module, env, value } = buildSample(sample);
    const program = module.programs[0];
    const whole = interpret(program, env).results.get("y")!;
    const axis = value.type.shape.indexOf("n");
    const parts = Array.from({ length: env.n }, (_, s) => {
      const inputs = new Map([...env.inputs].map(([name, x]) => [name, sampleOf(x, 0, s)]));
      return interpret(program, { ...env, n: 1, inputs }).results.get("y")!;
    });
    if (across === "apart") {
      parts.forEach((part, s) => {
        expect([...part.data]).toEqual([...sampleOf(whole, axis, s).data]);
      });
    } else {
      whole.data.forEach((total, i) => {
        expect(parts.reduce((sum, part) => sum + part.data[i], 0)).toBeCloseTo(total, 10);
      });
    }
  });
});
