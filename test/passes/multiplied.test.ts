import { describe, expect, test } from "vitest";
import { chooseAlgorithms } from "../../compiler/3-passes/algorithms.ts";
import { isConvolution } from "../../compiler/3-passes/convolution.ts";
import { isDepthwise } from "../../compiler/3-passes/taps.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import { type Module, roots, topological, type Value } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Target } from "../../compiler/target.ts";

const target: Target = { backend: "wasm", lanes: 4, floatBytes: 4, numerics: "fast", blocks: "never" };

const CONV = { stride: [2, 1], padding: [1, 0, 1, 2], dilation: [1, 1], groups: 3 };
const SHAPES = { x: [2, 3, 7, 6], w: [6, 1, 3, 2], y: [2, 6, 4, 7] };

const noise = (shape: readonly number[], seed: number) => ({
  shape,
  data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin((i + 1) * seed)),
});

describe.each([
  ["conv2d", ["x", "w"], {}],
  ["conv2d_grad_input", ["y", "w"], { shape: SHAPES.x }],
  ["conv2d_grad_weight", ["x", "y"], { shape: SHAPES.w }],
] as const)("%s of groups of one channel with two outputs", (op, operands, attrs) => {
  const b = new Builder();
  const leaf = (name: "x" | "w" | "y"): Value => b.op("param", [], { name, shape: SHAPES[name] });
  const before: Module = {
    name: "m",
    batch: 2,
    inputs: [],
    tensors: operands.map((name) => ({
      name,
      kind: "param",
      shape: SHAPES[name],
      init: { kind: "constant", value: 0 },
      span: null,
    })),
    programs: [
      { name: "p", results: [{ name: "r", value: b.op(op, operands.map(leaf), { ...CONV, ...attrs }) }], updates: [] },
    ],
  };
  const after = chooseAlgorithms(before, b, target);

  test("becomes depthwise", () => {
    const convolutions = topological(after.programs.flatMap(roots)).filter(isConvolution);
    expect(convolutions.map(isDepthwise)).toEqual([true]);
  });

  test("with the same result", () => {
    const tensors = new Map(operands.map((name, i) => [name as string, noise(SHAPES[name], i + 1.3)]));
    const [expected, found] = [before, after].map(
      ({ programs }) =>
        interpret(programs[0], { n: 2, seed: 0, step: 0, inputs: new Map(), tensors, host: {} }).results,
    );
    const values = (results: typeof found) => Array.from(results.get("r")!.data);
    values(found).forEach((value, i) => {
      expect(value).toBeCloseTo(values(expected)[i], 10);
    });
    expect(values(found).some((value) => Math.abs(value) > 0.1)).toBe(true);
  });
});
