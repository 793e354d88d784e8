/** The interpreter: results and updates, host values, and what it says when something is missing. */
import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import type { Program } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { philox2x32 } from "../../compiler/ops/philox-reference.ts";
import { tensorOf } from "../../compiler/ops/tensor.ts";

const b = new Builder();
const w = b.op("param", [], { name: "w", shape: [2] });
const x = b.op("input", [], { name: "x", dtype: "f32", shape: ["n", 2] });
const program: Program = {
  name: "p",
  results: [{ name: "y", value: b.div(b.sum(b.mul(x, b.broadcast(w, ["n", 2], [1])), [0, 1]), b.host("n")) }],
  updates: [{ target: "w", value: b.sub(w, b.mul(w, b.host("rate"))) }],
};
const env = {
  n: 3,
  seed: 1,
  step: 0,
  host: { rate: 0.5 },
  tensors: new Map([["w", tensorOf([2], (i) => i + 1)]]),
  inputs: new Map([["x", tensorOf([3, 2], (i) => i)]]),
};

test("results and updates come from the values before the call", () => {
  const { results, updates } = interpret(program, env);
  expect([...results.get("y")!.data]).toEqual([(0 + 2 + 4 + 2 * (1 + 3 + 5)) / 3]);
  expect([...updates.get("w")!.data]).toEqual([0.5, 1]);
  expect([...env.tensors.get("w")!.data]).toEqual([1, 2]);
});

test("a chain of 100,000 operations is no problem", () => {
  let y = w;
  for (let i = 0; i < 100_000; i++) y = b.op(i % 2 === 0 ? "neg" : "abs", [y]);
  const { results } = interpret({ name: "long", results: [{ name: "y", value: y }], updates: [] }, env);
  expect([...results.get("y")!.data]).toEqual([1, 2]);
});

describe("what is missing is named", () => {
  test.each([
    ["tensors", { ...env, tensors: new Map() }, 'given no param "w"'],
    ["inputs", { ...env, inputs: new Map() }, 'given no input "x"'],
    ["host values", { ...env, host: {} }, 'given no host value "rate"'],
    ["samples", { ...env, n: 4 }, 'input "x" must be [4, 2], found [3, 2]'],
  ])("%s", (_, incomplete, message) => {
    expect(() => interpret(program, incomplete)).toThrow(message);
  });
});

test("Philox2x32-10 gives the known answers of its authors", () => {
  expect(philox2x32([0, 0], 0)).toEqual([0xff1dae59, 0x6cd10df2]);
  expect(philox2x32([0xffffffff, 0xffffffff], 0xffffffff)).toEqual([0x2c3f628b, 0xab4fd7ad]);
  expect(philox2x32([0x243f6a88, 0x85a308d3], 0x13198a2e)).toEqual([0xdd7ce038, 0xf62a4c12]);
});
