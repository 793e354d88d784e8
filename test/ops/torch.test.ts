/** Primitives against PyTorch in float64, edge cases among them. The golden is made by test/oracle/ops.py. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import type { Attrs, Module, Value } from "../../compiler/ir/graph.ts";
import { evaluate } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { tensorOf } from "../../compiler/ops/tensor.ts";
import { allAxes } from "../../compiler/ops/types.ts";
import { gradientsOf } from "./gradients.ts";

/** JSON has no NaN and no infinities: they are written by name. */
type Numbers = readonly (number | string)[];
interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Numbers;
}
interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly attrs: Attrs;
  readonly inputs: readonly GoldenTensor[];
  readonly y: GoldenTensor;
  readonly dy?: GoldenTensor;
  readonly gradients?: readonly Numbers[];
}

const golden = new URL("../golden/ops.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(golden, "utf8")) as { cases: readonly GoldenCase[] };

const toTensor = ({ shape, data }: GoldenTensor): Tensor => tensorOf(shape, (i) => Number(data[i]));

function expectNumbers(found: Float64Array, expected: Numbers, what: string): void {
  const numbers = expected.map(Number);
  const scale = Math.max(1, ...numbers.filter(Number.isFinite).map(Math.abs));
  for (const [i, number] of numbers.entries()) {
    const near = Object.is(found[i], number) || found[i] === number || Math.abs(found[i] - number) <= 1e-13 * scale;
    expect(near, `${what}[${i}] is ${found[i]}, PyTorch's is ${number}`).toBe(true);
  }
}

function build({ op, attrs, inputs, dy }: GoldenCase) {
  const b = new Builder();
  const tensors = new Map(inputs.map((input, i) => [`x${i}`, toTensor(input)]));
  const leaves = [...tensors].map(([name, { shape }]) => b.op("param", [], { name, shape }));
  const value = b.op(op, leaves, attrs);
  if (dy) tensors.set("dy", toTensor(dy));
  return { b, value, leaves, env: { n: 1, seed: 0, step: 0, host: {}, inputs: new Map<string, Tensor>(), tensors } };
}

function gradientValues(b: Builder, value: Value, leaves: readonly Value[]): Value[] {
  const weighted = b.mul(value, b.op("param", [], { name: "dy", shape: value.type.shape }));
  const loss = b.sum(weighted, allAxes(value.type.shape.length));
  const module: Module = { name: "m", batch: 1, inputs: [], tensors: [], programs: [] };
  return gradientsOf(b, module, loss, leaves);
}

describe.each(cases)("$op: $name", (golden) => {
  test("value", () => {
    const { value, env } = build(golden);
    const y = evaluate([value], env).get(value)!;
    expect(y.shape).toEqual(golden.y.shape);
    expectNumbers(y.data, golden.y.data, "y");
  });

  test.runIf(golden.gradients)("gradient", () => {
    const { b, value, leaves, env } = build(golden);
    const gradients = gradientValues(b, value, leaves);
    const values = evaluate(gradients, env);
    for (const [i, gradient] of gradients.entries()) {
      expectNumbers(values.get(gradient)!.data, golden.gradients![i], `gradient ${i}`);
    }
  });
});

test("argmax takes the first of equals", () => {
  const b = new Builder();
  const x = b.op("param", [], { name: "x", shape: [2, 3] });
  const index = b.op("argmax", [x], { axis: 1 });
  const tensors = new Map([["x", tensorOf([2, 3], (i) => [1, 3, 3, 2, 2, 2][i])]]);
  const env = { n: 1, seed: 0, step: 0, host: {}, inputs: new Map<string, Tensor>(), tensors };
  expect([...evaluate([index], env).get(index)!.data]).toEqual([1, 0]);
});
