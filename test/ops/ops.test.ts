/** Every primitive on its samples: the shape rule against the reference, the gradient rule against finite differences. */
import { describe, expect, test } from "vitest";
import { evaluate, interpret } from "../../compiler/ir/interpret.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { opNamed, ops } from "../../compiler/ops/index.ts";
import { concrete, elements } from "../../compiler/ops/tensor.ts";
import { allAxes } from "../../compiler/ops/types.ts";
import { gradientError, gradientsOf } from "./gradients.ts";
import { type BuiltSample, buildSample, sampleCases } from "./samples.ts";

const leaves = ["input", "param", "buffer", "state", "total", "packed", "host", "grad"];

test("every primitive but those without a value of their own has samples", () => {
  const without = ops.filter(({ samples }) => samples.length === 0).map(({ name }) => name);
  expect(without).toEqual(leaves);
});

test("every primitive has a formula, and names are unique", () => {
  for (const { name, doc } of ops) expect(doc, name).not.toBe("");
  expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
});

test("samples have odd sizes, batch 1, and more than one sample", () => {
  for (const op of ops) {
    if (op.category !== "kernel" || op.samples.length === 0) continue;
    const sizes = op.samples.flatMap(({ inputs }) => inputs.flatMap(({ shape }) => shape));
    expect(
      sizes.some((dim) => typeof dim === "number" && dim % 4 !== 0),
      op.name,
    ).toBe(true);
    const batches = op.samples.map(({ n }) => n);
    expect(batches, op.name).toContain(1);
    expect(
      batches.some((n) => n !== undefined && n > 1),
      op.name,
    ).toBe(true);
  }
});

describe.each(sampleCases())("$title", (sample) => {
  test("the reference's result has the inferred shape", () => {
    const { module, env, value } = buildSample(sample);
    verify(module);
    const y = interpret(module.programs[0], env).results.get("y")!;
    expect(y.shape).toEqual(concrete(value.type.shape, env.n));
    expect(y.data.length).toBe(elements(y.shape));
    expect(y.data.every((v) => !Number.isNaN(v))).toBe(true);
  });

  test.runIf(isDifferentiable(sample.op.name))("the gradient agrees with finite differences", () => {
    const built = buildSample(sample);
    const { b, module, leaves } = built;
    const loss = weightedSum(built);
    const gradients = gradientsOf(b, module, loss, leaves);
    expect(leaves.length).toBeGreaterThan(0);
    for (const [i, leaf] of leaves.entries()) {
      expect(gradientError(loss, leaf, gradients[i], built.env), `operand ${i}`).toBeLessThan(1e-6);
    }
  });
});

function isDifferentiable(name: string): boolean {
  const { grad, samples, category } = opNamed(name);
  const floats = samples.every(({ inputs }) => inputs.some(({ dtype = "f32" }) => dtype === "f32"));
  return (
    grad !== undefined &&
    floats &&
    category !== "leaf" &&
    !["argmax", "max_pool2d_index", "cast", "stop_gradient"].includes(name)
  );
}

/** Σ y · w with fixed weights w of the result's shape, all different: so that no gradient cancels. */
function weightedSum({ b, value }: BuiltSample) {
  const rank = value.type.shape.length;
  if (rank === 0) return value;
  const weights = b.op("random_uniform", [], { shape: value.type.shape, site: 99 });
  return b.sum(b.mul(value, weights), allAxes(rank));
}

test("the interpreter refuses what has no meaning yet", () => {
  const { b, module, env, value } = buildSample(sampleCases().find(({ op }) => op.name === "exp")!);
  const gradient = b.op("grad", [b.sum(value, [0, 1]), value.inputs[0]]);
  expect(() => evaluate([gradient], env)).toThrow('cannot run "grad": differentiate the module first');
  expect(module.programs).toHaveLength(1);
});
