/** What the constructs of the language mean: values, steps, names of parameters, choices, repetition, overrides. */
import { describe, expect, it } from "vitest";
import type { Elaborated } from "../../compiler/2-elaborate/elaborate.ts";
import { topological, type Value } from "../../compiler/ir/graph.ts";
import { check, modelWith } from "../errors/front-end.ts";

function model(text: string, overrides: Record<string, string> = {}): Elaborated {
  const { diagnostics, model } = check(modelWith(text), overrides);
  expect(diagnostics.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
  return model!;
}

const net = (steps: string, rest = ""): Elaborated => model(`net { ${steps}; flatten; fc: linear(10) }\n${rest}`);
const tensors = ({ module }: Elaborated, kind: string): string[] =>
  module.tensors.filter((t) => t.kind === kind).map((t) => `${t.name} [${t.shape.join(", ")}]`);
const names = (m: Elaborated): string[] => m.module.tensors.filter((t) => t.kind === "param").map((t) => t.name);
const program = ({ module }: Elaborated, name: string) => module.programs.find((p) => p.name === name)!;
const operations = (value: Value): string[] => topological([value]).map((v) => v.op);
const graph = (value: Value): string[] => topological([value]).map((v) => `${v.op} ${JSON.stringify(v.attrs)}`);

/** The value of an expression: as the size of a parameter. */
function value(expression: string): number {
  const m = model(`let answer = ${expression}\nnet { flatten; x: linear(answer); fc: linear(10) }`);
  return m.module.tensors.find((t) => t.name === "x.bias")!.shape[0];
}

describe("expressions", () => {
  it.each([
    ["2 + 3 * 4", 14],
    ["(2 + 3) * 4", 20],
    ["20 - 5 - 4", 11],
    ["64 / 4 / 2", 8],
    ["2 ^ 3 ^ 2", 512],
    ["-2 ^ 2 + 9", 5],
    ["2 ^ -1 * 8", 4],
    ["10 - -2", 12],
    ["(±3)[1]", 3],
    ["(±12 / 4)[1]", 3],
    ["1 < 2 ? 5 : 6", 5],
    ["1 >= 2 ? 5 : 2 == 2 ? 7 : 8", 7],
    ["if not (1 == 1) or false then 5 else 6", 6],
    ["true and not false or false ? 5 : 6", 5],
    ["[3, 4, 5][1]", 4],
    ["len([1, 2]) + product([2, 3])", 8],
    ["[1, 2] == [1, 2] ? 1 : 2", 1],
    ["maximum(3, 8) + minimum(2, 1)", 9],
    ["floor(7.9) + sqrt(16) + abs(-2)", 13],
    ['"a" != "b" ? 3 : 4', 3],
    ["1e1", 10],
    ["5 |> twice", 10],
    ["5 |> plus(3)", 8],
    ["plus(b = 1, a = 6)", 7],
    ["plus(6)", 8],
  ])("%s is %i", (expression, expected) => {
    expect(value(`${expression}\nfn twice(k) = 2 * k\nfn plus(a, b = 2) = a + b`)).toBe(expected);
  });

  it("goes on over line ends inside brackets, after and before operators", () => {
    expect(value("1 +\n 2\n * 3\n + (4\n + 5\n)")).toBe(16);
    expect(value("true\n ? 3\n : 4")).toBe(3);
    expect(value("if true\n then 3\n else 4")).toBe(3);
    expect(value("9\n  - 4\n  - 2")).toBe(3);
    expect(value("f(1)\nfn f(x) {\n  let y = x\n    - 4\n  -y\n}")).toBe(3);
  });

  it("finds functions behind parameters of their name", () => {
    const m = net(
      "centered([1])",
      "layer centered(mean: list) = in - mean(in, axis = [1, 2, 3], keepdim = true) * mean[0]",
    );
    expect(operations(program(m, "forward").results[0].value)).toContain("sum");
  });
});

describe("steps", () => {
  it("work on the step before, or are values themselves", () => {
    const { module } = net("a: relu; b: tanh; a + b");
    const [{ value: logits }] = module.programs.find((p) => p.name === "forward")!.results;
    const sum = topological([logits]).find((v) => v.op === "add")!;
    expect(sum.inputs.map((v) => v.op).sort()).toEqual(["tanh", "where"]);
  });

  it("apply a layer to a tensor given as its first argument", () => {
    expect(names(net("main: conv2d(in, 4, kernel = 1)"))).toContain("main.weight");
    expect(operations(program(net("relu(in)"), "forward").results[0].value)).toContain("where");
  });

  it("end with their line or a semicolon", () => {
    const a = net("conv2d(4, kernel = 1); relu; conv2d(4, kernel = 1)");
    const b = net("conv2d(4, kernel = 1)\n\nrelu // then\n  conv2d(4,\n kernel = 1)\n");
    expect(tensors(a, "param")).toEqual(tensors(b, "param"));
  });

  it("take a first input by name where there are several", () => {
    const m = model(
      "input left: f32[4]\ninput right: f32[6]\nnet { left |> a: linear(8); a + (right |> b: linear(8)); fc: linear(10) }",
    );
    expect(tensors(m, "param")[0]).toBe("a.weight [8, 4]");
    expect(tensors(m, "param")[2]).toBe("b.weight [8, 6]");
  });

  it("compare an output with an input", () => {
    const m = model("net { conv: conv2d(3, kernel = 1) }\nloss mse(net, image)\ntarget unused: f32").module;
    expect(m.programs.map((p) => p.name)).toEqual(["train_step", "evaluate", "forward"]);
    expect(m.programs[2].results[0].name).toBe("output");
  });
});

describe("names of parameters", () => {
  it("are labels, or layers counted", () => {
    expect(
      names(net("c: conv2d(4, kernel = 1); conv2d(4, kernel = 1); relu; conv2d(4, kernel = 1, bias = false)")),
    ).toEqual(["c.weight", "c.bias", "conv2d.weight", "conv2d.bias", "conv2d_2.weight", "fc.weight", "fc.bias"]);
  });

  it("join the labels on the way", () => {
    const block = "layer block { in |> conv: conv2d(4, kernel = 1, bias = false) |> bn: batch_norm2d(affine = false) }";
    const m = net("stem: block; layer1: repeat 2 { block }; down: { 0: block; relu; 1: block }", block);
    expect(names(m)).toEqual(
      ["stem", "layer1.0", "layer1.1", "down.0", "down.1"]
        .map((p) => `${p}.conv.weight`)
        .concat("fc.weight", "fc.bias"),
    );
    expect(tensors(m, "buffer")[2]).toBe("layer1.0.bn.running_mean [4]");
  });

  it("number the layers without a label in what a repeat holds", () => {
    const conv = "conv2d(3, kernel = 1, bias = false)";
    const own = `layer two { ${conv}; ${conv} }\nfn both(x) = x |> ${conv} |> ${conv}`;
    const expected = ["l.0.conv2d.weight", "l.0.conv2d_2.weight", "l.1.conv2d.weight", "l.1.conv2d_2.weight"];
    for (const body of ["two", "both", `{ ${conv}; ${conv} }`, `in + (in |> ${conv} |> ${conv})`]) {
      expect(names(net(`l: repeat 2 { ${body} }`, own)).slice(0, 4)).toEqual(expected);
    }
  });

  it("count the instances of repeats without a label on", () => {
    const one = "conv2d(4, kernel = 1, bias = false)";
    expect(names(net(`repeat 2 { ${one} }; repeat 1 { a: ${one}; b: ${one} }`)).slice(0, 4)).toEqual([
      "0.weight",
      "1.weight",
      "2.a.weight",
      "2.b.weight",
    ]);
  });
});

it("compares conditions as numbers", () => {
  const { results } = program(
    net("let a = in > 0; let b = mean(in, axis = 1, keepdim = true) > 0; relu((a == b) * in)"),
    "forward",
  );
  expect(operations(results[0].value)).toEqual(expect.arrayContaining(["gt", "eq"]));
});

describe("compile-time choices", () => {
  it("declare parameters where their condition holds", () => {
    const own = "layer own(scale: bool) { param g[in.channels] ~ ones if scale else 1; in * per_channel(g) }";
    expect(names(net("own(true)", own))).toContain("own.g");
    const without = net("own(false)", own);
    expect(names(without)).not.toContain("own.g");
    expect(operations(program(without, "forward").results[0].value)).not.toContain("mul");
  });

  it("evaluate the branch taken only", () => {
    const m = net(
      "own(2); own(3)",
      'layer own(k) { if k == 2 { conv2d(k, kernel = 1) } else { if k == 3 then in else assert_no }; relu }\nfn assert_no(x) { assert false, "no"; x }',
    );
    expect(names(m)[0]).toBe("own.conv2d.weight");
  });

  it("number the instances of a repeat", () => {
    expect(tensors(net("l: repeat 3 as i { conv2d(2 ^ i, kernel = 1, bias = false) }"), "param").slice(0, 3)).toEqual([
      "l.0.weight [1, 3, 1, 1]",
      "l.1.weight [2, 1, 1, 1]",
      "l.2.weight [4, 2, 1, 1]",
    ]);
    expect(names(net("repeat 0 { linear(3) }"))).toEqual(["fc.weight", "fc.bias"]);
  });

  it("know whether the graph is for training", () => {
    const m = net("dropout(0.5)");
    expect(operations(program(m, "train_step").results[0].value)).toContain("random_uniform");
    expect(operations(program(m, "evaluate").results[0].value)).not.toContain("random_uniform");
    expect(operations(program(m, "forward").results[0].value)).not.toContain("random_uniform");
  });

  it("update buffers in training only", () => {
    const m = net("bn: batch_norm2d");
    const updated = program(m, "train_step").updates.map((u) => u.target);
    expect(updated).toEqual(expect.arrayContaining(["bn.running_mean", "bn.running_var"]));
    expect(program(m, "evaluate").updates).toEqual([]);
  });
});

describe("definitions of a file", () => {
  it("do not change what the library means by their names", () => {
    const own = "fn pair(x) = x\nfn divides(a, b) = false\nfn relu(x) = 3\nlet per_channel = 3\nlet pi = 4";
    const m = net("conv2d(4, kernel = 3); max_pool2d(2); conv2d(per_channel, kernel = pi / 4)", own);
    expect(tensors(m, "param").slice(0, 3)).toEqual([
      "conv2d.weight [4, 3, 3, 3]",
      "conv2d.bias [4]",
      "conv2d_2.weight [3, 4, 1, 1]",
    ]);
  });

  it("see the constants of the file, which can be set", () => {
    const text = `let width = 8\nlet double = 2 * width\nlayer own = linear(double)\n${modelWith("net { flatten; own; fc: linear(10) }")}`;
    const sizes = (overrides: Record<string, string>) => check(text, overrides).model!.module.tensors[1].shape;
    expect(sizes({})).toEqual([16]);
    expect(sizes({ width: "5" })).toEqual([10]);
  });
});

describe("assertions on constants", () => {
  const text = `let heads = 4
    assert heads % 2 == 0, "{heads} heads do not pair up", "take an even number"
    ${modelWith("let width = 8 * heads\nassert width <= 64\nnet { flatten; linear(width); fc: linear(10) }")}`;
  it.each([
    [{}, []],
    [{ heads: "3" }, ["assertion: 3 heads do not pair up"]],
    [{ width: "65" }, ["assertion: this must hold: width <= 64"]],
    [{ heads: "net" }, ["unknown-name: unknown name `net`"]],
  ])("hold with %j", (overrides, expected) => {
    const { diagnostics } = check(text, overrides);
    expect(diagnostics.map((d) => `${d.code}: ${d.message}`)).toEqual(expected);
  });

  it("hold in imported files", () => {
    const files = { "a.model": 'let k = 3\nassert k > 3, "k is {k}"' };
    const { diagnostics } = check(`import k from "a.model"\n${modelWith("")}`, {}, "m.model", files);
    expect(diagnostics.map((d) => `${d.span?.file.name} ${d.message}`)).toEqual(["a.model k is 3"]);
    expect(check(`import k from "a.model"\n${modelWith("")}`, { k: "4" }, "m.model", files).diagnostics).toEqual([]);
  });
});

describe("layers as values", () => {
  it("are arguments of layers", () => {
    const m = net("around(conv2d(3, kernel = 1)); around(tanh)", "layer around(f: function) = in + (in |> body: f)");
    expect(names(m)[0]).toBe("around.body.weight");
  });

  it("wait for their input", () => {
    const m = net("let act = leaky_relu(negative_slope = 0.3); act; conv2d(2, kernel = 1); act");
    // The third one is the image's, which may be bytes.
    expect(operations(program(m, "forward").results[0].value).filter((op) => op === "where").length).toBe(3);
  });
});

describe("clauses", () => {
  it("have defaults", () => {
    expect(model("").train).toMatchObject({ epochs: 10, batch: 64, shuffle: true, seed: 0, drop_last: false });
    expect(model("").data).toBeNull();
  });

  it("read settings and data", () => {
    const m = model(
      "data synthetic(split = test, size = 100) { random_flip }\ntrain { epochs = 2 * 3\n batch = 16, shuffle = false }",
    );
    expect(m.train).toMatchObject({ epochs: 6, batch: 16, shuffle: false });
    expect(m.module.batch).toBe(16);
    expect(m.data).toEqual({ source: "synthetic", args: { split: "test", size: 100 } });
  });

  it("turn bytes into floats by 1/255, or by the scale of the data", () => {
    const image = (text: string) => {
      const values = topological([program(model(text), "forward").results[0].value]);
      const [where] = values.filter(({ op, inputs }) => op === "where" && inputs[2].attrs.name === "image");
      expect(where.inputs[0]).toMatchObject({ op: "ne", inputs: [{ op: "host", attrs: { name: "image.bytes" } }, {}] });
      return where.inputs[1];
    };
    const bytes = { op: "cast", inputs: [{ attrs: { name: "image.bytes", dtype: "u8" } }] };
    expect(image("")).toMatchObject({ op: "div", inputs: [bytes, { attrs: { value: 255 } }] });
    expect(image("data cifar10(scale = 2)")).toMatchObject({ op: "mul", inputs: [bytes, { attrs: { value: 2 } }] });
  });

  it("name metrics", () => {
    const m = model("metric accuracy(net, label)\nmetric ce: cross_entropy(net, label)");
    expect(program(m, "evaluate").results.map((r) => r.name)).toEqual(["loss", "accuracy", "ce"]);
  });

  it("mix losses", () => {
    const m = model(
      "net { flatten; fc: linear(10) }\nloss 0.9 * cross_entropy(net, label) + 0.1 * mse(net, one_hot(label, 10))",
    );
    expect(program(m, "train_step").results[0].value.type.shape).toEqual([]);
  });
});

describe("overrides", () => {
  const text = `let width = 8
    net { flatten; fc1: linear(width); fc: linear(10) }
    loss cross_entropy(net, label) + mse(net, one_hot(label, 10))
    optimizer sgd(0.1)
    train { epochs = 3 }`;
  const host = (m: Elaborated): number => Number(m.lr!.attrs.value);

  it("take the place of arguments and settings", () => {
    const m = model(text, { "train.epochs": "7", "train.batch": "4", "optimizer.lr": "0.5", width: "16" });
    expect(m.train).toMatchObject({ epochs: 7, batch: 4 });
    expect(host(m)).toBe(0.5);
    expect(tensors(m, "param")[0]).toBe("fc1.weight [16, 192]");
  });

  it("add arguments", () => {
    expect(tensors(model(text, { "optimizer.momentum": "0.9" }), "state").length).toBe(4);
    expect(tensors(model(text, { "net.fc1.out_features": "5", "net.fc1.bias": "false" }), "param")[1]).toBe(
      "fc.weight [10, 5]",
    );
  });

  it("reach every loss, and into schedules", () => {
    const sums = (m: Elaborated) =>
      operations(program(m, "train_step").results[0].value).filter((op) => op === "div").length;
    expect(sums(model(text))).toBeGreaterThan(sums(model(text, { "loss.reduction": "sum" })));
    const cycle = { "optimizer.lr": "one_cycle(max_lr = 0.1)", "optimizer.lr.max_lr": "0.3" };
    expect(operations(model(text, cycle).lr!)).toContain("cos");
  });

  it.each([
    ["0.5 * cosine(0.1, T_max = 4)", "optimizer.lr.T_max", "0.5 * cosine(0.1, T_max = 9)"],
    ["warmup(cosine(0.1, T_max = 4), 5)", "optimizer.lr.T_max", "warmup(cosine(0.1, T_max = 9), 5)"],
    ["warmup(cosine(0.1, T_max = 4), 5)", "optimizer.lr.lr.T_max", "warmup(cosine(0.1, T_max = 9), 5)"],
    [
      "epoch < 3 ? linear(0.1, total_iters = 3) : cosine(0.1, T_max = 4, at = epoch - 3)",
      "optimizer.lr.cosine.T_max",
      "epoch < 3 ? linear(0.1, total_iters = 3) : cosine(0.1, T_max = 9, at = epoch - 3)",
    ],
    [
      "linear(cosine(0.1, T_max = 4), total_iters = 3)",
      "optimizer.lr.lr.T_max",
      "linear(cosine(0.1, T_max = 9), total_iters = 3)",
    ],
  ])("reach into %s by %s", (lr, key, expected) => {
    const rate = (expression: string, set = {}) => graph(model(`optimizer sgd(lr = ${expression})`, set).lr!);
    expect(rate(lr, { [key]: "9" })).toEqual(rate(expected));
    expect(rate(lr)).not.toEqual(rate(expected));
  });

  it("reach into metrics that are computed from others", () => {
    const text = (k: number) => `metric gap: top_k(net, label, k = ${k}) - accuracy(net, label)`;
    const gap = (k: number, set = {}) => graph(program(model(text(k), set), "evaluate").results.at(-1)!.value);
    expect(gap(2)).not.toEqual(gap(4));
    expect(gap(2, { "metric.gap.k": "4" })).toEqual(gap(4));
    expect(gap(2, { "metric.gap.top_k.k": "4" })).toEqual(gap(4));
  });

  it("reach layers wherever they stand, by the names of their parameters", () => {
    const net = `let width = 3
      layer wide(k: size) { inner: { c: conv2d(k, kernel = 3, padding = 2); relu } }
      layer around(body: function) = in |> main: body(in.channels)
      net {
        share tower = conv2d(12, kernel = 1)
        conv1: conv2d(width, kernel = 3)
        conv2d(2, kernel = 2)
        conv2d(2, kernel = 2)
        max_pool2d(2)
        l: repeat 2 { conv2d(3, kernel = 1) }
        b: wide(3)
        around(body = conv2d(kernel = 3))
        tower
        flatten
        fc: linear(10)
      }`;
    const set = {
      "net.conv1.out_channels": "width + 1",
      "net.conv2d.kernel": "1",
      "net.conv2d_2.kernel": "[1, 2]",
      "net.max_pool2d.kernel": "1",
      "net.l.1.bias": "false",
      "net.b.k": "7",
      "net.b.inner.c.kernel": "5",
      "net.around.body.kernel": "1",
      "net.around.main.bias": "false",
      "net.tower.out_channels": "11",
    };
    expect(tensors(model(net, set), "param").filter((name) => !name.includes("bias"))).toEqual([
      "conv1.weight [4, 3, 3, 3]",
      "conv2d.weight [2, 4, 1, 1]",
      "conv2d_2.weight [2, 2, 1, 2]",
      "l.0.weight [3, 2, 1, 1]",
      "l.1.weight [3, 3, 1, 1]",
      "b.inner.c.weight [7, 3, 5, 5]",
      "around.main.weight [7, 7, 1, 1]",
      "tower.weight [11, 7, 1, 1]",
      "fc.weight [10, 330]",
    ]);
    const names = tensors(model(net, set), "param");
    expect(names).not.toContain("l.1.bias [3]");
    expect(names).not.toContain("around.main.bias [7]");
  });

  it("reach single losses, metrics, schedules given by position, and the data's steps", () => {
    const clauses = `${text.replace("sgd(0.1)", "sgd(one_cycle(0.1))")}
      metric top: top_k(net, label, k = 5)
      data synthetic { flip: random_flip; random_crop(8, padding = 2) }`;
    const graph = (key: string, value: string, program: number): string[] => {
      const { module } = model(clauses, { [key]: value });
      const roots = module.programs[program].results.map((r) => r.value);
      return topological(roots).map(({ op, attrs }) => `${op} ${attrs.value ?? JSON.stringify(attrs)}`);
    };
    const plain = (program: number) => graph("train.epochs", "3", program);
    expect(graph("loss.mse.reduction", "sum", 0)).not.toEqual(plain(0));
    expect(graph("loss.label_smoothing", "0.1", 0)).not.toEqual(plain(0));
    expect(graph("metric.top.k", "2", 1)).not.toEqual(plain(1));
    expect(graph("data.flip.p", "0.25", 0)).toContain("const 0.25");
    expect(graph("data.random_crop.padding", "0", 0)).not.toEqual(plain(0));
    expect(operations(model(clauses, { "optimizer.lr.max_lr": "0.75" }).lr!)).toContain("cos");
    expect(model(clauses, { "optimizer.lr.max_lr": "0.75" }).lr).not.toEqual(model(clauses).lr);
  });
});
