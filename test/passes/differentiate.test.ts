/** Differentiation of whole graphs: against finite differences, against PyTorch, and what it leaves out. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { differentiate } from "../../compiler/3-passes/differentiate.ts";
import { simplify } from "../../compiler/3-passes/simplify.ts";
import type { Span } from "../../compiler/diagnostics.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import { formula } from "../../compiler/ir/formula.ts";
import { type Module, roots, topological, type Value } from "../../compiler/ir/graph.ts";
import { evaluate, interpret } from "../../compiler/ir/interpret.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { tensorOf } from "../../compiler/ops/tensor.ts";
import { gradientError, gradientsOf } from "../ops/gradients.ts";
import { random } from "../ops/random.ts";

function moduleOf(results: Readonly<Record<string, Value>>, parts: Partial<Module> = {}): Module {
  const program = {
    name: "p",
    results: Object.entries(results).map(([name, value]) => ({ name, value })),
    updates: [],
  };
  return { name: "m", batch: 8, inputs: [], tensors: [], programs: [program], ...parts };
}

const param = (b: Builder, name: string, shape: readonly number[] = [3]) => b.op("param", [], { name, shape });
const declare = (name: string, shape: readonly number[]) =>
  ({ name, kind: "param", shape, init: { kind: "constant", value: 0 }, span: null }) as const;

const relu = (b: Builder, x: Value) => b.where(b.binary("le", x, 0), 0, x);
const unit = { dilation: [1, 1], groups: 1 };

/** conv, pool, relu, strided conv, relu, linear, cross-entropy. */
function network(b: Builder, shapes: Readonly<Record<string, readonly number[]>>) {
  const p = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, param(b, name, shape)]));
  const x = b.op("input", [], { name: "x", dtype: "f32", shape: ["n", 2, 8, 8] });
  const label = b.op("input", [], { name: "label", dtype: "i32", shape: ["n"] });
  const first = b.op("conv2d", [x, p["conv1.weight"]], { ...unit, stride: [1, 1], padding: [1, 1, 1, 1] });
  const biased = b.add(first, b.reshape(p["conv1.bias"], [4, 1, 1]));
  const pooled = b.op("max_pool2d", [biased], { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] });
  const second = b.op("conv2d", [relu(b, pooled), p["conv2.weight"]], {
    ...unit,
    stride: [2, 2],
    padding: [1, 1, 1, 1],
  });
  const flat = b.reshape(relu(b, second), ["n", 24]);
  const logits = b.add(b.matmul(flat, b.transpose(p["fc.weight"], [1, 0])), p["fc.bias"]);
  const keep = (v: Value) => b.reshape(v, ["n", 1]);
  const shifted = b.sub(logits, keep(b.op("max", [logits], { axes: [1] })));
  const logProbability = b.sub(shifted, keep(b.log(b.sum(b.exp(shifted), [1]))));
  const picked = b.sum(b.mul(b.op("one_hot", [label], { classes: 5 }), logProbability), [1]);
  const loss = b.div(b.sum(b.neg(picked), [0]), b.host("n"));
  const inputs: Module["inputs"] = [
    { name: "x", role: "input", dtype: "f32", shape: [2, 8, 8], span: null },
    { name: "label", role: "target", dtype: "i32", shape: [], classes: 5, span: null },
  ];
  const tensors = Object.entries(shapes).map(([name, shape]) => declare(name, shape));
  return { p, x, loss, inputs, tensors };
}

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface NetworkGolden {
  readonly x: Numbers;
  readonly label: readonly number[];
  readonly params: Readonly<Record<string, Numbers>>;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const golden = (
  JSON.parse(readFileSync(new URL("../golden/ops.json", import.meta.url), "utf8")) as { network: NetworkGolden }
).network;
const toTensor = ({ shape, data }: Numbers) => tensorOf(shape, (i) => data[i]);

function goldenEnv() {
  const tensors = new Map(Object.entries(golden.params).map(([name, value]) => [name, toTensor(value)]));
  const inputs = new Map([
    ["x", toTensor(golden.x)],
    ["label", toTensor({ shape: [3], data: golden.label })],
  ]);
  return { n: 3, seed: 0, step: 0, host: {}, tensors, inputs };
}

describe("a small convolutional network", () => {
  const shapes = Object.fromEntries(Object.entries(golden.params).map(([name, { shape }]) => [name, shape]));

  test.each([true, false])("has PyTorch's loss and gradients (simplified: %s)", (simplified) => {
    const b = new Builder();
    const { p, loss, inputs, tensors } = network(b, shapes);
    const gradients = Object.entries(p).map(([name, value]) => [name, b.op("grad", [loss, value])]);
    const before = moduleOf({ loss, ...Object.fromEntries(gradients) }, { inputs, tensors });
    verify(before);
    const after = simplified ? simplify(differentiate(simplify(before, b), b), b) : differentiate(before, b);
    verify(after);
    const { results } = interpret(after.programs[0], goldenEnv());
    expect(Math.abs(results.get("loss")!.data[0] - golden.loss)).toBeLessThan(1e-13);
    for (const [name, expected] of Object.entries(golden.gradients)) {
      const error = Math.max(...expected.map((value, i) => Math.abs(value - results.get(name)!.data[i])));
      expect(error, name).toBeLessThan(1e-13);
    }
  });

  test("agrees with finite differences, for the input image too", () => {
    const b = new Builder();
    const { p, x, loss, inputs, tensors } = network(b, shapes);
    const leaves = [x, ...Object.values(p)];
    const gradients = gradientsOf(b, moduleOf({}, { inputs, tensors }), loss, leaves);
    for (const [i, leaf] of leaves.entries()) {
      expect(gradientError(loss, leaf, gradients[i], goldenEnv(), 12)).toBeLessThan(1e-6);
    }
  });

  test("the gradient of the image is not computed unless asked for", () => {
    const b = new Builder();
    const { p, loss, inputs, tensors } = network(b, shapes);
    const gradients = Object.values(p).map((value, i) => [`g${i}`, b.op("grad", [loss, value])]);
    const { programs } = differentiate(moduleOf(Object.fromEntries(gradients), { inputs, tensors }), b);
    const convs = topological(roots(programs[0])).filter(({ op }) => op === "conv2d_grad_input");
    expect(convs).toHaveLength(1);
  });
});

describe("what gets no gradient", () => {
  test("a parameter that the loss does not reach: zeros", () => {
    const b = new Builder();
    const [w, unused] = [param(b, "w"), param(b, "unused", [2, 2])];
    const loss = b.sum(b.mul(w, w), [0]);
    const module = moduleOf(
      { g: b.op("grad", [loss, unused]) },
      { tensors: [declare("w", [3]), declare("unused", [2, 2])] },
    );
    const { value } = differentiate(module, b).programs[0].results[0];
    expect(value.type.shape).toEqual([2, 2]);
    expect(formula(value)).toBe("0");
  });

  test("what stop_gradient hides; afterwards it is gone", () => {
    const b = new Builder();
    const w = param(b, "w");
    const hidden = b.op("stop_gradient", [b.mul(w, w)]);
    const loss = b.sum(b.mul(hidden, w), [0]);
    const module = moduleOf({ loss, g: b.op("grad", [loss, w]) }, { tensors: [declare("w", [3])] });
    const after = differentiate(module, b);
    verify(after);
    const { value } = simplify(after, b).programs[0].results[1];
    expect(formula(value)).toBe("w * w");
    expect(topological(roots(after.programs[0])).some(({ op }) => op === "stop_gradient" || op === "grad")).toBe(false);
  });

  test("integers and comparisons", () => {
    const b = new Builder();
    const w = param(b, "w");
    const rounded = b.cast(b.cast(w, "i32"), "f32");
    const loss = b.sum(b.add(rounded, b.cast(b.binary("lt", w, 0), "f32")), [0]);
    const module = moduleOf({ g: b.op("grad", [loss, w]) }, { tensors: [declare("w", [3])] });
    expect(formula(differentiate(module, b).programs[0].results[0].value)).toBe("0");
  });
});

describe("structure", () => {
  test("the gradient of a scalar operand is summed", () => {
    const b = new Builder();
    const [w, s] = [param(b, "w"), param(b, "s", [])];
    const loss = b.sum(b.mul(w, s), [0]);
    const [gradient] = gradientsOf(b, moduleOf({}), loss, [s]);
    expect(gradient.type.shape).toEqual([]);
    const tensors = new Map([
      ["w", tensorOf([3], random(1))],
      ["s", tensorOf([], () => 2)],
    ]);
    const env = { n: 1, seed: 0, step: 0, host: {}, inputs: new Map(), tensors };
    const expected = tensors.get("w")!.data.reduce((sum, v) => sum + v, 0);
    expect(evaluate([gradient], env).get(gradient)!.data[0]).toBeCloseTo(expected, 12);
  });

  test("all gradients of a loss share one walk", () => {
    const b = new Builder();
    const [v, w] = [param(b, "v"), param(b, "w")];
    const loss = b.sum(b.exp(b.mul(v, w)), [0]);
    const gradients = gradientsOf(b, moduleOf({}), loss, [v, w]);
    expect(topological(gradients).filter(({ op }) => op === "exp")).toHaveLength(1);
    expect(topological(gradients).filter(({ op }) => op === "mul")).toHaveLength(1 + 3);
  });

  test("a gradient can be differentiated again", () => {
    const b = new Builder();
    const w = param(b, "w");
    const first = b.op("grad", [b.sum(b.binary("pow", w, 3), [0]), w]);
    const second = b.op("grad", [b.sum(first, [0]), w]);
    const module = moduleOf({ second }, { tensors: [declare("w", [3])] });
    const { value } = simplify(differentiate(simplify(module, b), b), b).programs[0].results[0];
    const tensors = new Map([["w", tensorOf([3], (i) => i + 1)]]);
    const env = { n: 1, seed: 0, step: 0, host: {}, inputs: new Map(), tensors };
    expect([...evaluate([value], env).get(value)!.data]).toEqual([6, 12, 18]);
  });

  test("the same module gives the same graph", () => {
    const text = () => {
      const b = new Builder();
      const [v, w] = [param(b, "v"), param(b, "w")];
      const loss = b.sum(b.add(b.mul(v, w), b.exp(b.add(v, w))), [0]);
      return gradientsOf(b, moduleOf({}), loss, [v, w]).map((gradient) => formula(gradient));
    };
    expect(text()).toEqual(text());
  });

  test("gradients carry the place of what they are the gradient of", () => {
    const b = new Builder();
    const file = { name: "m.model", text: "first\nsecond\n" };
    const at = (start: number): Span => ({ file, start, end: start + 1 });
    const w = param(b, "w");
    b.span = at(0);
    const y = b.op("tanh", [w]);
    b.span = at(6);
    const loss = b.sum(b.mul(y, y), [0]);
    b.span = null;
    const [gradient] = gradientsOf(b, moduleOf({}), loss, [w]);
    expect(gradient.span).toEqual(at(0));
  });

  test("a long chain is no problem", () => {
    const b = new Builder();
    const w = param(b, "w");
    let y = w;
    for (let i = 0; i < 10_000; i++) y = b.op("sin", [y]);
    const [gradient] = gradientsOf(b, moduleOf({}), b.sum(y, [0]), [w]);
    expect(topological([gradient]).length).toBeGreaterThan(30_000);
  });

  test("only a scalar can be differentiated", () => {
    const b = new Builder();
    const w = param(b, "w");
    expect(() => b.op("grad", [w, w])).toThrow("only a scalar can be differentiated, found a loss of shape [3]");
  });
});
