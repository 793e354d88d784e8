/** Each rule's result has the value of what it replaces, on random operands in float64. */
import { describe, expect, test } from "vitest";
import { RuleContext } from "../../compiler/3-passes/rule.ts";
import { rules } from "../../compiler/3-passes/rules.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import type { InputDecl, Value } from "../../compiler/ir/graph.ts";
import { evaluate, type InterpretEnv } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { tensorOf } from "../../compiler/ops/tensor.ts";
import { random } from "../ops/random.ts";
import { type ExampleContext, examples } from "./rule-examples.ts";

const SAMPLES = 3;

function setUp(): { context: RuleContext; example: ExampleContext; env: InterpretEnv } {
  const b = new Builder();
  const next = random(7);
  const tensors = new Map<string, Tensor>();
  const inputs = new Map<string, Tensor>([["label", tensorOf([SAMPLES], () => Math.floor(next() * 10))]]);
  const declared: InputDecl[] = [{ name: "label", role: "target", dtype: "i32", shape: [], classes: 10, span: null }];
  const example: ExampleContext = {
    b,
    label: b.op("input", [], { name: "label", dtype: "i32", shape: ["n"] }),
    n: b.host("n"),
    x(shape, positive = false) {
      const name = `p${tensors.size}`;
      tensors.set(
        name,
        tensorOf(shape, () => (positive ? 0.5 + 1.5 * next() : 4 * next() - 2)),
      );
      return b.op("param", [], { name, shape });
    },
    input(shape) {
      const name = `x${inputs.size}`;
      inputs.set(
        name,
        tensorOf([SAMPLES, ...shape], () => 4 * next() - 2),
      );
      return b.op("input", [], { name, dtype: "f32", shape: ["n", ...shape] });
    },
  };
  const env = { n: SAMPLES, seed: 1, step: 0, host: {}, tensors, inputs };
  return { context: new RuleContext(b, declared, true), example, env };
}

function expectEqual(before: Value, after: Value, env: InterpretEnv): void {
  const values = evaluate([before, after], env);
  const [expected, found] = [values.get(before)!, values.get(after)!];
  expect(found.shape).toEqual(expected.shape);
  const scale = Math.max(1, ...expected.data.map(Math.abs));
  for (const [i, value] of expected.data.entries()) expect(Math.abs(found.data[i] - value) / scale).toBeLessThan(1e-12);
}

test("every rule has an example, and every example a rule", () => {
  expect(Object.keys(examples).sort()).toEqual(rules.map(({ name }) => name).sort());
});

describe.each(rules.map((rule) => ({ name: rule.name, rule })))("$name", ({ name, rule }) => {
  test("keeps the value", () => {
    const { context, example, env } = setUp();
    for (const before of examples[name](example)) {
      expect(rule.ops).toContain(before.op);
      const after = rule.rewrite(before, context);
      expect(after, `applies to ${before.op}`).not.toBeNull();
      expect(after).not.toBe(before);
      expectEqual(before, after!, env);
    }
  });
});

describe("rules hold back", () => {
  const ruleNamed = (name: string) => rules.find((rule) => rule.name === name)!;
  const { context, example, env } = setUp();
  const { b } = example;
  const refuses = (name: string, value: Value) => expect(ruleNamed(name).rewrite(value, context)).toBeNull();

  test("one_hot of labels that nobody checks may have empty rows", () => {
    const label = b.op("input", [], { name: "other", dtype: "i32", shape: ["n"] });
    refuses("known-sum", b.sum(b.op("one_hot", [label], { classes: 10 }), [1]));
    refuses("known-sum", b.sum(b.op("one_hot", [example.label], { classes: 9 }), [1]));
    refuses("known-sum", b.sum(b.op("one_hot", [example.label], { classes: 10 }), [0]));
  });

  test("exp(x) / Σ exp(x) is softmax only if the sum is that of the same x, spread over the summed axis", () => {
    const e = b.exp(example.x([4, 4]));
    const other = b.exp(example.x([4, 4]));
    refuses("softmax", b.div(e, b.broadcast(b.sum(other, [1]), [4, 4], [0])));
    refuses("softmax", b.div(e, b.broadcast(b.sum(e, [1]), [4, 4], [1])));
    refuses("softmax", b.div(e, b.sum(e, [0, 1])));
  });

  test("a shift that varies along the axis stays", () => {
    const v = example.x([4, 4]);
    const shift = b.broadcast(example.x([4]), [4, 4], [1]);
    refuses("softmax-shift", b.op("softmax", [b.sub(v, shift)], { axis: 1 }));
    expect(ruleNamed("softmax-shift").rewrite(b.op("softmax", [b.sub(v, shift)], { axis: 0 }), context)).not.toBeNull();
  });

  test("what is stable stays as it is", () => {
    const x = example.x([5]);
    const m = b.op("max", [x], { axes: [0] });
    refuses("log-sum-exp", b.log(b.sum(b.exp(b.sub(x, m)), [0])));
    refuses("softplus", b.op("log1p", [b.exp(b.neg(b.op("abs", [x])))]));
  });

  test("factors that vary along the summed axes stay inside", () => {
    const v = example.x([3, 4]);
    refuses("sum-factor", b.sum(b.mul(v, b.broadcast(example.x([4]), [3, 4], [1])), [1]));
    refuses("sum-factor", b.sum(b.mul(v, example.x([3, 4])), [1]));
  });

  test("broadcasts of different kinds are not multiplied with each other", () => {
    const v = example.x([3, 4]);
    const rows = b.broadcast(example.x([3]), [3, 4], [0]);
    const columns = b.broadcast(example.x([4]), [3, 4], [1]);
    refuses("combine-factors", b.mul(b.mul(v, rows), columns));
  });

  test("what falls somewhere, or differs within windows, stays in front of the pooling", () => {
    const v = example.x([2, 3, 4, 4]);
    const stays = (y: Value) =>
      refuses("pool-rising", b.op("max_pool2d", [y], { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] }));
    const [negative, positive] = [b.binary("le", v, 0), b.binary("gt", v, 0)];
    stays(b.neg(v));
    stays(b.mul(v, -1));
    stays(b.sub(1, v));
    stays(b.mul(v, b.broadcast(example.x([3]), v.type.shape, [1])));
    stays(b.add(v, b.broadcast(example.x([4]), v.type.shape, [3])));
    stays(b.add(v, example.x([2, 3, 4, 4])));
    stays(b.mul(v, v));
    stays(b.op("log", [v]));
    stays(b.op("cos", [v]));
    stays(b.where(negative, 1, v));
    stays(b.where(positive, v, b.mul(v, -0.1)));
    stays(b.where(negative, b.add(v, 1), v));
    stays(b.where(negative, 0, example.x([2, 3, 4, 4])));
  });

  test("numerics = strict pools what has been rounded", () => {
    const strict = new RuleContext(b, [], true, true);
    const v = example.x([2, 3, 4, 4]);
    const pooled = (y: Value) =>
      ruleNamed("pool-rising").rewrite(
        b.op("max_pool2d", [y], { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] }),
        strict,
      );
    expect(pooled(b.add(v, 1))).toBeNull();
    expect(pooled(b.op("tanh", [v]))).toBeNull();
    expect(pooled(b.where(b.binary("gt", v, 0), v, b.mul(v, 0.1)))).toBeNull();
    expect(pooled(b.where(b.binary("le", v, 0), 0, v))).not.toBeNull();
    expect(pooled(b.binary("maximum", v, b.broadcast(example.x([3]), v.type.shape, [1])))).not.toBeNull();
  });

  test("x − m is not centred if m is the mean over other axes, or of something else", () => {
    const x = example.input([3]);
    const [y, n] = [example.input([3]), example.n];
    const mean = (v: Value, count: Value) => b.broadcast(b.div(b.sum(v, [0]), count), x.type.shape, [1]);
    refuses("known-sum", b.sum(b.sub(x, mean(y, n)), [0]));
    refuses("known-sum", b.sum(b.sub(x, mean(x, b.const(3))), [0]));
    refuses("known-sum", b.sum(b.sub(x, mean(x, n)), [1]));
    expect(env.n).toBe(3);
  });
});
