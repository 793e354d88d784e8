/** The text form: what it looks like, and that it reads back. */
import { describe, expect, test } from "vitest";
import type { Span } from "../../compiler/diagnostics.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import type { Module } from "../../compiler/ir/graph.ts";
import { IrTextError, parseModule, printModule, printProgram } from "../../compiler/ir/text.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { buildSample, sampleCases } from "../ops/samples.ts";
import { randomGraph } from "../passes/random-graph.ts";

const file = { name: "cifar net.model", text: "model net {\n  conv1: conv2d(4, kernel = 3)\n}\n" };
const at = (start: number): Span => ({ file, start, end: start + 5 });

function example(): Module {
  const b = new Builder();
  const leaf = (op: string, name: string, shape: readonly number[]) => b.op(op, [], { name, shape });
  const image = b.op("input", [], { name: "image", dtype: "f32", shape: ["n", 3, 8, 8] });
  b.span = at(14);
  const w = leaf("param", "conv1.weight", [4, 3, 3, 3]);
  const attrs = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 };
  const y = b.op("conv2d", [image, w], attrs);
  b.span = null;
  const loss = b.div(b.sum(b.mul(y, -0.5), [0, 1, 2, 3]), b.host("n"));
  const v = leaf("state", "conv1.weight.v", [4, 3, 3, 3]);
  const init = { kind: "uniform", low: -0.25, high: 0.25 } as const;
  return {
    name: "net",
    batch: 64,
    inputs: [
      { name: "image", role: "input", dtype: "f32", shape: [3, 8, 8], span: at(0) },
      { name: "label", role: "target", dtype: "i32", shape: [], classes: 10, span: null },
    ],
    tensors: [
      { name: "conv1.weight", kind: "param", shape: [4, 3, 3, 3], init, span: at(14) },
      { name: "conv1.weight.v", kind: "state", shape: [4, 3, 3, 3], init: { kind: "constant", value: 0 }, span: null },
      {
        name: "conv1.weight@average",
        kind: "state",
        shape: [4, 3, 3, 3],
        init: { kind: "constant", value: 0 },
        averageOf: "conv1.weight",
        span: at(14),
      },
      { name: "bn.weight", kind: "param", shape: [4], init: { kind: "constant", value: 1 }, frozen: true, span: null },
      { name: "bn.running_var", kind: "buffer", shape: [4], init: { kind: "normal", mean: 1, std: 1e-7 }, span: null },
    ],
    programs: [
      {
        name: "train_step",
        results: [
          { name: "loss", value: loss },
          { name: "worst", value: b.const(Number.NEGATIVE_INFINITY) },
        ],
        updates: [{ target: "conv1.weight", value: b.sub(w, b.mul(v, 0.1)) }],
      },
      { name: "forward", results: [{ name: "output", value: y }], updates: [] },
    ],
  };
}

test("reads well", () => {
  verify(example());
  expect(printModule(example())).toMatchInlineSnapshot(`
    "module net {batch = 64}

    input "image" : f32[3, 8, 8]   ; cifar net.model:1:1
    target "label" : i32[] {classes = 10}
    param "conv1.weight" : f32[4, 3, 3, 3] ~ uniform(-0.25, 0.25)   ; cifar net.model:2:3
    state "conv1.weight.v" : f32[4, 3, 3, 3] ~ constant(0)
    state "conv1.weight@average" : f32[4, 3, 3, 3] ~ constant(0) {averageOf = "conv1.weight"}   ; cifar net.model:2:3
    param "bn.weight" : f32[4] ~ constant(1) {frozen = true}
    buffer "bn.running_var" : f32[4] ~ normal(1, 1e-7)

    program train_step {
      %0 : f32[n, 3, 8, 8] = input "image"
      %1 : f32[4, 3, 3, 3] = param "conv1.weight"   ; cifar net.model:2:3
      %2 : f32[n, 4, 8, 8] = conv2d %0, %1 {dilation = [1, 1], groups = 1, padding = [1, 1, 1, 1], stride = [1, 1]}   ; cifar net.model:2:3
      %3 : f32[n, 4, 8, 8] = mul %2, -0.5
      %4 : f32[] = sum %3 {axes = [0, 1, 2, 3]}
      %5 : f32[] = host "n"
      %6 : f32[] = div %4, %5
      %7 : f32[4, 3, 3, 3] = state "conv1.weight.v"
      %8 : f32[4, 3, 3, 3] = mul %7, 0.1
      %9 : f32[4, 3, 3, 3] = sub %1, %8
      return loss = %6
      return worst = -Infinity
      update conv1.weight = %9
    }

    program forward {
      %0 : f32[n, 3, 8, 8] = input "image"
      %1 : f32[4, 3, 3, 3] = param "conv1.weight"   ; cifar net.model:2:3
      %2 : f32[n, 4, 8, 8] = conv2d %0, %1 {dilation = [1, 1], groups = 1, padding = [1, 1, 1, 1], stride = [1, 1]}   ; cifar net.model:2:3
      return output = %2
    }
    "
  `);
});

describe("what is printed reads back", () => {
  const again = (text: string) => printModule(parseModule(text, new Builder()));

  test("a module with places, declarations and constants", () => {
    const text = printModule(example());
    expect(again(text)).toBe(text);
    const { inputs, tensors, batch, name } = parseModule(text, new Builder());
    const bare = <T extends { span: unknown }>(list: readonly T[]) => list.map((item) => ({ ...item, span: null }));
    expect({ name, batch }).toEqual({ name: "net", batch: 64 });
    expect(bare(inputs)).toEqual(bare(example().inputs));
    expect(bare(tensors)).toEqual(bare(example().tensors));
  });

  test.each(sampleCases())("$title", (sample) => {
    const text = printModule(buildSample(sample).module);
    const module = parseModule(text, new Builder());
    verify(module);
    expect(printModule(module)).toBe(text);
  });

  test.each([1, 2, 3, 4, 5])("random graph %i", (seed) => {
    const text = printModule(randomGraph(new Builder(), seed, 60).module);
    expect(again(text)).toBe(text);
  });

  test("names that are no words, and attributes of every kind", () => {
    const b = new Builder();
    const x = b.op("param", [], { name: 'odd "name"', shape: [2] });
    const padded = b.op("pad", [x], { low: [1], high: [0], interior: [0], value: "-Infinity" });
    const module: Module = {
      name: "two words",
      batch: 1,
      inputs: [],
      tensors: [{ name: 'odd "name"', kind: "param", shape: [2], init: { kind: "constant", value: 1e-9 }, span: null }],
      programs: [{ name: "p", results: [{ name: "0", value: padded }], updates: [] }],
    };
    verify(module);
    const text = printModule(module);
    expect(again(text)).toBe(text);
  });
});

test("numbering does not depend on the order of building", () => {
  const text = (first: boolean) => {
    const b = new Builder();
    const x = b.op("param", [], { name: "x", shape: [2] });
    const build = [() => b.exp(x), () => b.neg(x)];
    for (const make of first ? build : build.reverse()) make();
    return printProgram({ name: "p", results: [{ name: "y", value: b.add(b.exp(x), b.neg(x)) }], updates: [] });
  };
  expect(text(true)).toBe(text(false));
});

describe("mistakes are found, with the line", () => {
  const parse = (...lines: readonly string[]) =>
    parseModule(["module m {batch = 1}", "program p {", ...lines, "}"].join("\n"), new Builder());

  test.each([
    [["%0 : f32[2] = param x", "%1 : f32[3] = exp %0"], "line 4: exp gives f32[2] here, not f32[3]"],
    [["%0 : f32[2] = param x", "%1 : f32[2] = exq %0"], 'line 4: there is no primitive "exq"'],
    [["%1 : f32[2] = exp %0"], "line 3: %0 is not defined before"],
    [["%0 : f32[2] = param x", "%1 : f32[2] = add %0"], "line 4: add takes 2 operands, found 1"],
    [["%0 : f32[2] = param x extra"], "line 3: extra is too much"],
    [["%0 : f16[2] = param x"], "line 3: unknown element type f16"],
    [["%0 : f32[2] = param x !"], "line 3: cannot read !"],
    [["return y ="], "line 3: the line ends too early"],
    [["%0 : f32[2] = param x", "%1 : f32[] = sum %0 {axes = [1]}"], "line 4: sum: axis 1 is not one of the 1 axes"],
    [["%0 : f32[2] = param x", "%1 : f32[] = sum %0"], 'line 4: attribute "axes" must be a list of integers'],
  ])("%j", (lines, message) => {
    expect(() => parse(...lines)).toThrow(
      new IrTextError(Number(/\d+/.exec(message)![0]), message.replace(/^.*?: /, "")),
    );
  });

  test("a program that does not end", () => {
    expect(() => parseModule("module m {batch = 1}\nprogram p {", new Builder())).toThrow("the line ends too early");
    expect(() => parseModule("", new Builder())).toThrow("line 1: the line ends too early");
  });
});
