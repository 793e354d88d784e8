/** The simplify pass as a whole: the forms that people are promised, equal values on random graphs, an end in every case. */
import { describe, expect, test } from "vitest";
import { parse } from "../../compiler/1-parse/parse.ts";
import { elaborate } from "../../compiler/2-elaborate/elaborate.ts";
import { differentiate } from "../../compiler/3-passes/differentiate.ts";
import { simplify } from "../../compiler/3-passes/simplify.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import { formula } from "../../compiler/ir/formula.ts";
import { type Module, roots, topological, type Value } from "../../compiler/ir/graph.ts";
import { evaluate } from "../../compiler/ir/interpret.ts";
import { printProgram } from "../../compiler/ir/text.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { tensorOf } from "../../compiler/ops/tensor.ts";
import { allAxes } from "../../compiler/ops/types.ts";
import { random } from "../ops/random.ts";
import { randomGraph } from "./random-graph.ts";

const inputs: Module["inputs"] = [
  { name: "logits", role: "input", dtype: "f32", shape: [10], span: null },
  { name: "target", role: "target", dtype: "f32", shape: [10], span: null },
  { name: "label", role: "target", dtype: "i32", shape: [], classes: 10, span: null },
];

function setUp() {
  const b = new Builder();
  const leaf = (name: string, dtype: string, shape: readonly number[]) =>
    b.op("input", [], { name, dtype, shape: ["n", ...shape] });
  return { b, x: leaf("logits", "f32", [10]), t: leaf("target", "f32", [10]), label: leaf("label", "i32", []) };
}

function moduleOf(results: Readonly<Record<string, Value>>): Module {
  const program = {
    name: "p",
    results: Object.entries(results).map(([name, value]) => ({ name, value })),
    updates: [],
  };
  return { name: "m", batch: 8, inputs, tensors: [], programs: [program] };
}

const keepDim = (b: Builder, v: Value) => b.reshape(v, ["n", 1]);

/** As a library writes it: with the largest subtracted, axes kept. */
function logSoftmax(b: Builder, x: Value): Value {
  const shifted = b.sub(x, keepDim(b, b.op("max", [x], { axes: [1] })));
  return b.sub(shifted, keepDim(b, b.log(b.sum(b.exp(shifted), [1]))));
}

function mean(b: Builder, x: Value): Value {
  const count = x.type.shape.reduce<Value>((c, dim) => b.mul(c, dim === "n" ? b.host("n") : dim), b.const(1));
  return b.div(
    b.sum(
      x,
      x.type.shape.map((_, axis) => axis),
    ),
    count,
  );
}

/** The gradient for x after simplification, before and after differentiation. */
function gradient(b: Builder, loss: Value, x: Value): Value {
  const before = simplify(moduleOf({ loss, gradient: b.op("grad", [loss, x]) }), b);
  const after = simplify(differentiate(before, b), b);
  verify(after);
  return after.programs[0].results[1].value;
}

describe("gradients of losses", () => {
  const nll = (b: Builder, label: Value, logProbability: Value) =>
    b.neg(b.sum(b.mul(b.op("one_hot", [label], { classes: 10 }), logProbability), [1]));

  test("cross-entropy: (softmax − one-hot) / n", () => {
    const { b, x, label } = setUp();
    const loss = mean(b, nll(b, label, logSoftmax(b, x)));
    expect(formula(gradient(b, loss, x))).toBe("(softmax(logits) - one_hot(label)) / n");
  });

  test("cross-entropy of log(softmax), and by log Σ exp", () => {
    const { b, x, label } = setUp();
    const e = b.exp(x);
    const softmax = b.div(e, keepDim(b, b.sum(e, [1])));
    const hot = b.op("one_hot", [label], { classes: 10 });
    const direct = b.sub(b.log(b.sum(e, [1])), b.sum(b.mul(hot, x), [1]));
    for (const loss of [mean(b, nll(b, label, b.log(softmax))), mean(b, direct)]) {
      expect(formula(gradient(b, loss, x))).toBe("(softmax(logits) - one_hot(label)) / n");
    }
  });

  test("cross-entropy, summed, and with label smoothing in both of its forms", () => {
    const { b, x, label } = setUp();
    const lp = logSoftmax(b, x);
    expect(formula(gradient(b, b.sum(nll(b, label, lp), [0]), x))).toBe("softmax(logits) - one_hot(label)");
    const smooth = b.add(b.mul(b.op("one_hot", [label], { classes: 10 }), 0.9), 0.1 / 10);
    const smoothed = mean(b, b.neg(b.sum(b.mul(smooth, lp), [1])));
    const even = b.neg(b.div(b.sum(lp, [1]), 10));
    const mixed = mean(b, b.add(b.mul(nll(b, label, lp), 0.9), b.mul(even, 0.1)));
    for (const loss of [smoothed, mixed]) {
      expect(formula(gradient(b, loss, x))).toBe("(softmax(logits) - (0.9 * one_hot(label) + 0.01)) / n");
    }
  });

  test("MSE: 2 (x − t) / numel; L1: sign(x − t) / numel", () => {
    const { b, x, t } = setUp();
    const squared = b.binary("pow", b.sub(x, t), 2);
    expect(formula(gradient(b, mean(b, squared), x))).toBe("2 * (logits - target) / (10 * n)");
    expect(formula(gradient(b, b.sum(squared, [0, 1]), x))).toBe("2 * (logits - target)");
    const absolute = b.op("abs", [b.sub(x, t)]);
    expect(formula(gradient(b, mean(b, absolute), x))).toBe("sign(logits - target) / (10 * n)");
    expect(formula(gradient(b, b.sum(absolute, [0, 1]), x))).toBe("sign(logits - target)");
  });

  test("the IR of cross-entropy's gradient", () => {
    const { b, x, label } = setUp();
    const value = gradient(b, mean(b, nll(b, label, logSoftmax(b, x))), x);
    expect(printProgram({ name: "g", results: [{ name: "gradient", value }], updates: [] })).toMatchInlineSnapshot(`
      "program g {
        %0 : f32[n, 10] = input "logits"
        %1 : f32[n, 10] = softmax %0 {axis = 1}
        %2 : i32[n] = input "label"
        %3 : f32[n, 10] = one_hot %2 {classes = 10}
        %4 : f32[n, 10] = sub %1, %3
        %5 : f32[] = host "n"
        %6 : f32[n, 10] = div %4, %5
        return gradient = %6
      }
      "
    `);
  });
});

test("batch normalisation's backward pass needs two sums over the batch", () => {
  const b = new Builder();
  const x = b.op("input", [], { name: "x", dtype: "f32", shape: ["n", 4, 6, 6] });
  const [dy, gamma, beta] = [
    b.op("input", [], { name: "dy", dtype: "f32", shape: ["n", 4, 6, 6] }),
    ...["gamma", "beta"].map((name) => b.op("param", [], { name, shape: [4] })),
  ];
  const axes = [0, 2, 3];
  const spread = (v: Value) => b.broadcast(v, x.type.shape, [1]);
  const count = b.mul(b.host("n"), 36);
  const centred = b.sub(x, spread(b.div(b.sum(x, axes), count)));
  const variance = b.div(b.sum(b.mul(centred, centred), axes), count);
  const normal = b.div(centred, spread(b.sqrt(b.add(variance, 1e-5))));
  const y = b.add(b.mul(normal, spread(gamma)), spread(beta));
  const loss = b.sum(b.mul(y, dy), [0, 1, 2, 3]);
  const wanted = [x, gamma, beta].map((wrt, i) => ({ name: `g${i}`, value: b.op("grad", [loss, wrt]) }));
  const declared = ["x", "dy"].map(
    (name) => ({ name, role: "input", dtype: "f32", shape: [4, 6, 6], span: null }) as const,
  );
  const module: Module = { ...moduleOf({}), inputs: declared, programs: [{ name: "p", results: wanted, updates: [] }] };
  const after = simplify(differentiate(simplify(module, b), b), b).programs[0];
  const sums = topological(roots(after)).filter((v) => v.op === "sum" && v.inputs[0].type.shape.length === 4);
  // Mean, variance; Σ dy, Σ dy (x − mean).
  expect(sums.map((sum) => formula(sum))).toHaveLength(4);
});

describe("formulas that overflow", () => {
  const value = (make: (b: Builder, x: Value) => Value, at: number) => {
    const b = new Builder();
    const x = b.op("param", [], { name: "x", shape: [2] });
    const tensors = new Map([["x", tensorOf([2], () => at)]]);
    const env = { n: 1, seed: 0, step: 0, host: {}, inputs: new Map(), tensors };
    const tensor = { name: "x", kind: "param", shape: [2], init: { kind: "constant", value: 0 }, span: null } as const;
    const y = make(b, x);
    const gradient = b.op("grad", [b.sum(y, allAxes(y.type.shape.length)), x]);
    const module = { ...moduleOf({ y, gradient }), tensors: [tensor] };
    const after = simplify(differentiate(simplify(module, b), b), b).programs[0];
    const values = evaluate(roots(after), env);
    return after.results.map((result) => values.get(result.value)!.data[0]);
  };

  test.each<[string, (b: Builder, x: Value) => Value, number, readonly [number, number]]>([
    ["log(1 + exp(x))", (b, x) => b.log(b.add(1, b.exp(x))), 1000, [1000, 1]],
    ["log(1 + exp(x)) far below 0", (b, x) => b.log(b.add(1, b.exp(x))), -1000, [0, 0]],
    ["log(1 + exp(x)) at 0", (b, x) => b.log(b.add(1, b.exp(x))), 0, [Math.LN2, 0.5]],
    ["log(1 + exp(−x))", (b, x) => b.log(b.add(1, b.exp(b.neg(x)))), -1000, [1000, -1]],
    ["exp(x) / (1 + exp(x))", (b, x) => b.div(b.exp(x), b.add(1, b.exp(x))), 1000, [1, 0]],
    ["log(sigmoid(x))", (b, x) => b.log(b.op("sigmoid", [x])), -1000, [-1000, 1]],
    ["log(1 − sigmoid(x))", (b, x) => b.log(b.sub(1, b.op("sigmoid", [x]))), 1000, [-1000, -1]],
    ["log Σ exp(x)", (b, x) => b.log(b.sum(b.exp(x), [0])), 1000, [1000 + Math.LN2, 0.5]],
  ])("%s has its value and its gradient", (_, make, at, expected) => {
    const found = value(make, at);
    expect(found[0]).toBeCloseTo(expected[0], 12);
    expect(found[1]).toBeCloseTo(expected[1], 12);
  });
});

describe("optimizers", () => {
  const state = { name: "w.v", kind: "state", shape: [3], init: { kind: "constant", value: 0 }, span: null } as const;
  const param = { ...state, name: "w", kind: "param" } as const;

  function sgd(momentum: number, weightDecay: number) {
    const b = new Builder();
    const w = b.op("param", [], { name: "w", shape: [3] });
    const v = b.op("state", [], { name: "w.v", shape: [3] });
    const g = b.add(w, b.mul(w, weightDecay));
    const first = b.binary("eq", b.host("step"), 0);
    const next = b.where(first, g, b.add(b.mul(momentum, v), b.mul(b.sub(1, 0), g)));
    const updates = [
      { target: "w.v", value: next },
      { target: "w", value: b.sub(w, b.mul(0.1, next)) },
    ];
    const module: Module = {
      ...moduleOf({}),
      tensors: [param, state],
      programs: [{ name: "step", results: [], updates }],
    };
    verify(module);
    return simplify(module, b);
  }

  test("constant arguments fold away: no velocity, no decay", () => {
    const module = sgd(0, 0);
    expect(module.tensors).toEqual([param]);
    expect(module.programs[0].updates.map(({ target, value }) => `${target} = ${formula(value)}`)).toEqual([
      "w = w - 0.1 * w",
    ]);
  });

  test("a state that is read stays", () => {
    const module = sgd(0.9, 0);
    expect(module.tensors).toEqual([param, state]);
    expect(module.programs[0].updates.map(({ target, value }) => `${target} = ${formula(value)}`)).toEqual([
      "w.v = where(step == 0, w, w + 0.9 * w.v)",
      "w = w - 0.1 * where(step == 0, w, w + 0.9 * w.v)",
    ]);
  });
});

test("simplifying what is simple changes nothing", () => {
  const { b, x, label } = setUp();
  const loss = mean(b, b.neg(b.sum(b.mul(b.op("one_hot", [label], { classes: 10 }), logSoftmax(b, x)), [1])));
  const once = simplify(differentiate(simplify(moduleOf({ loss, g: b.op("grad", [loss, x]) }), b), b), b);
  const twice = simplify(once, b);
  expect(roots(twice.programs[0])).toEqual(roots(once.programs[0]));
});

test("a chain of 20,000 operations is no problem", () => {
  const { b, x } = setUp();
  let y = x;
  for (let i = 0; i < 20_000; i++) y = b.op(i % 2 === 0 ? "sin" : "exp", [y]);
  const { programs } = simplify(moduleOf({ y }), b);
  expect(programs[0].results[0].value).toBe(y);
});

test("host scalars are gathered before they meet a tensor", () => {
  const { b, x } = setUp();
  const [n, step] = [b.host("n"), b.host("step")];
  const y = b.mul(b.div(b.mul(b.mul(x, step), 3), n), b.exp(step));
  const { value } = simplify(moduleOf({ y }), b).programs[0].results[0];
  const onTensors = topological([value]).filter(
    ({ type, inputs: operands }) => type.shape.length > 0 && operands.length > 0,
  );
  expect(onTensors.map(({ op }) => op)).toEqual(["mul"]);
});

describe("random graphs", () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))("keep their values, seed %i", (seed) => {
    const b = new Builder();
    const { module, env } = randomGraph(b, seed, 40);
    verify(module);
    const after = simplify(module, b);
    verify(after);
    const [expected, found] = [roots(module.programs[0]), roots(after.programs[0])].map((values) => {
      const tensors = evaluate(values, env);
      return values.map((value) => tensors.get(value)!);
    });
    for (const [i, { data }] of expected.entries()) {
      const scale = Math.max(1, ...data.map(Math.abs));
      const error = Math.max(...data.map((value, j) => Math.abs(value - found[i].data[j]) / scale));
      expect(error, `result ${i} of randomGraph(b, ${seed}, 40)`).toBeLessThan(1e-9);
    }
  });

  test("the generator's values are finite, so that the comparison says something", () => {
    const { env } = randomGraph(new Builder(), 1, 40);
    expect(env.inputs.size).toBeGreaterThan(0);
    expect(tensorOf([2], random(1)).data.every((v) => v >= 0 && v < 1)).toBe(true);
  });
});

test("log Σ exp is shifted once, whatever becomes of the difference", () => {
  const { builder, module } = elaborate(
    parse({
      name: "shifted.model",
      text: `model m {
  input x: f32[7, 5]
  net { out: own |> own |> linear(3) }
  loss mean(net)
  optimizer sgd
}
fn own(x) = log(sum(exp(-(x + 1)), axis = 1, keepdim = true)) + log(sum(exp(2 - x), axis = 2, keepdim = true))
`,
    }),
  );
  const size = ({ programs }: Module) => topological(programs.flatMap(roots)).length;
  expect(size(simplify(module, builder))).toBeLessThan(2 * size(module));
});
