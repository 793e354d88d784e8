/** Winograd's algorithm, every size of tile and of kernel: its error against float64, in the convolution and in its gradients. */
import { describe, expect, test } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { CONV_ALGORITHMS, type ConvAlgorithm, unsuited } from "../../compiler/ops/conv-algorithms.ts";
import { opNamed } from "../../compiler/ops/index.ts";
import { load, targets } from "./run.ts";
import { moduleOf } from "./sample.ts";

const CHANNELS = [5, 16];
const SIZE = [13, 12];

/** Largest error over the largest result, by the number of points (tile + kernel − 1). */
const ERRORS: Readonly<Record<number, number>> = { 3: 1e-6, 4: 1e-6, 5: 4e-6, 6: 2e-5, 7: 1e-5, 8: 3e-5 };

const kernels = [2, 3, 4, 5, 7];
const variants = CONV_ALGORITHMS.filter((name) => name.startsWith("winograd")).flatMap((algorithm) =>
  kernels.map((kernel) => ({ algorithm, kernel })),
);

const attrsOf = (algorithm: ConvAlgorithm, kernel: number) => {
  const before = (kernel - 1) >> 1;
  const after = kernel - 1 - before;
  return { stride: [1, 1], padding: [before, before, after, after], dilation: [1, 1], groups: 1, algorithm };
};

async function errorOf(name: string, algorithm: ConvAlgorithm, kernel: number): Promise<number> {
  const [inputs, outputs] = CHANNELS;
  const x = ["n", inputs, ...SIZE] as const;
  const y = ["n", outputs, ...SIZE] as const;
  const w = [outputs, inputs, kernel, kernel];
  const shapes = {
    conv2d: { operands: [x, w], shape: y },
    conv2d_grad_input: { operands: [y, w], shape: x },
    conv2d_grad_weight: { operands: [x, y], shape: w },
  }[name]!;
  const attrs = { ...attrsOf(algorithm, kernel), ...(name !== "conv2d" && { shape: shapes.shape }) };
  const sample = { inputs: shapes.operands.map((shape) => ({ shape })), attrs, n: 3 };
  const { b, module, values, n } = moduleOf(opNamed(name), sample, kernel);
  const expected = interpret(module.programs[0], { n, seed: 0, step: 0, host: {}, tensors: values, inputs: values });
  const running = await load(module, b, targets.wasm);
  expect(running.assembled.kernels.some(({ kernel }) => kernel.startsWith("untile"))).toBe(algorithm !== "direct");
  for (const [tensor, value] of values) running.write(tensor, value);
  running.engine.run("run", n);
  const got = running.read("run", "y", n);
  const want = expected.results.get("y")!;
  const largest = want.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return got.data.reduce((most, value, i) => Math.max(most, Math.abs(value - want.data[i])), 0) / largest;
}

describe.each(["conv2d", "conv2d_grad_input", "conv2d_grad_weight"])("%s", (name) => {
  const suited = variants.filter(
    ({ algorithm, kernel }) => unsuited(algorithm, attrsOf(algorithm, kernel), [kernel, kernel], SIZE) === null,
  );
  test.each(suited)("$algorithm, kernel of $kernel", async ({ algorithm, kernel }) => {
    const points = Number(algorithm.at(-1)) + kernel - 1;
    expect(await errorOf(name, algorithm, kernel)).toBeLessThan(ERRORS[points]);
  });
  test("direct", async () => {
    expect(await errorOf(name, "direct", 5)).toBeLessThan(8e-7);
  });
});

test("what is suited", () => {
  const reason = (algorithm: ConvAlgorithm, kernel: readonly number[], more = {}) =>
    unsuited(algorithm, { ...attrsOf(algorithm, 3), ...more }, kernel, SIZE);
  expect(reason("winograd6", [3, 3])).toBeNull();
  expect(reason("winograd6", [5, 5])).toContain("10 points");
  expect(reason("winograd2", [3, 5])).toContain("3 × 5");
  expect(reason("winograd2", [1, 1])).toContain("1 × 1");
  expect(reason("winograd2", [3, 3], { groups: 5 })).toContain("groups");
  expect(reason("winograd2", [3, 3], { stride: [2, 2] })).toContain("stride");
  expect(reason("winograd2", [3, 3], { dilation: [2, 1] })).toContain("dilated");
  expect(unsuited("winograd4", attrsOf("winograd4", 3), [3, 3], [3, 12])).toContain("smaller than a tile");
  expect(reason("direct", [3, 5], { groups: 5 })).toBeNull();
});
