/** What an update does: groups of parameters, freezing, clipping, accumulation, averages; by the programs that come of it. */
import { describe, expect, it } from "vitest";
import { matches } from "../../compiler/2-elaborate/param-groups.ts";
import { type Compilation, compile } from "../../compiler/compile.ts";
import { roots, topological } from "../../compiler/ir/graph.ts";
import { check } from "../errors/front-end.ts";

const MLP = "fc1: linear(13); norm: layer_norm; tanh; fc2: linear(10)";
/** Floats of the weights and biases. */
const FC1 = 13 * 7 + 13;
const NORM = 2 * 13;
const FC2 = 10 * 13 + 10;

function text(optimizer: string, settings = "", net = MLP): string {
  return `model small {
  input  x: f32[7]
  target values: f32[10]
  net { ${net} }
  loss mse(net, values)
  optimizer ${optimizer}
  train { batch = 6${settings && `, ${settings}`} }
}`;
}

const messages = (source: string, set = {}) => check(source, set).diagnostics.map(({ message }) => message);

function compiled(optimizer: string, settings = "", net = MLP, overrides = {}): Compilation {
  return compile(text(optimizer, settings, net), { overrides });
}

const states = ({ manifest }: Compilation, of = "") =>
  manifest.tensors.filter(({ kind, name }) => kind === "state" && name.startsWith(of)).map(({ name }) => name);

/** Kernels of the training step, and floats of states. */
function cost({ report }: Compilation) {
  const kernels = report.kernels.filter(({ program }) => program === "train_step" || program === "update");
  return { kernels: kernels.length, states: report.memory.states / 4 };
}

describe("a pattern", () => {
  it.each([
    ["*", "a.b", true],
    ["", "a", false],
    ["", "", true],
    ["a.b", "a.b", true],
    ["a.b", "a.bc", false],
    ["*.bias", "layer1.0.bn1.bias", true],
    ["*.bias", "bias", false],
    ["fc?.weight", "fc1.weight", true],
    ["fc?.weight", "fc12.weight", false],
    ["layer1.*.conv*.weight", "layer1.2.conv1.weight", true],
    ["layer1.*.conv*.weight", "layer1.2.bn1.weight", false],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b*", "xxbxxaxx", false],
    ["[a-z].(.+)", "b.cc", false],
    ["a+", "aa", false],
    ["größe.*", "größe.weight", true],
    ["**?", "", false],
  ])("%s and %s", (pattern, name, expected) => expect(matches(pattern, name)).toBe(expected));

  it("takes no longer for many stars", () => {
    expect(matches("*a".repeat(500), "a".repeat(499))).toBe(false);
    expect(matches(`${"*a".repeat(500)}b`, "a".repeat(5000))).toBe(false);
  });
});

describe("groups", () => {
  it("the first that matches decides", () => {
    const both = compiled('sgd(lr = 0.1) { "fc1.bias": momentum = 0.9; "fc1.*": adam; "*": frozen }');
    expect(states(both)).toEqual(["fc1.weight.m", "fc1.weight.v", "fc1.bias.velocity"]);
  });

  it("settings keep the other arguments, an optimizer takes nothing over", () => {
    const step = (optimizer: string) =>
      check(text(optimizer)).model!.module.programs[0].updates.find(({ target }) => target === "fc1.bias")!.value;
    const constants = (optimizer: string) => {
      const value = step(optimizer);
      const gradient = new Set(topological(topological([value]).filter(({ op }) => op === "grad")));
      return topological([value]).flatMap((v) => (v.op === "const" && !gradient.has(v) ? [v.attrs.value] : []));
    };
    expect(constants('sgd(lr = 0.5, weight_decay = 0.25) { "fc1.*": lr = 0.125 }').sort()).toEqual([0.125, 0.25]);
    expect(constants('sgd(0.5, weight_decay = 0.25) { "fc1.*": lr = 0.125, weight_decay = 0 }')).toEqual([0.125]);
    expect(constants('sgd(lr = 0.5, weight_decay = 0.25) { "fc1.*": sgd(lr = 0.125) }')).toEqual([0.125]);
  });

  it("may be chosen by shape", () => {
    const muon = compiled("adamw(lr = 1e-3) { if param.rank >= 2: muon(lr = 0.02) }");
    expect(states(muon, "fc1")).toEqual(["fc1.weight.buffer", "fc1.bias.m", "fc1.bias.v"]);
    const some = compiled('sgd { "fc*" if param.size > 100: adam }');
    expect(states(some)).toEqual(["fc2.weight.m", "fc2.weight.v"]);
  });

  it("leave the logs the rate of the clause", () => {
    expect(compiled('sgd(lr = 0.25) { "*": lr = 0.5 }').manifest.lr).toBe(0.25);
  });

  it("are set from the command line by their pattern", () => {
    const source = 'sgd(lr = 0.1) { "*.bias": lr = constant(0.2); "fc2.*": adam(lr = 0.3) }';
    const changed = (overrides: object) => states(compiled(source, "", MLP, overrides));
    expect(changed({ "optimizer.*.bias.momentum": "0.9" }).every((name) => /bias\.v|fc2/.test(name))).toBe(true);
    expect(changed({ "optimizer.*.bias.momentum": "0.9" })).toContain("fc1.bias.velocity");
    expect(changed({ "optimizer.fc2.*.amsgrad": "true" })).toContain("fc2.weight.vmax");
    expect(changed({ "optimizer.momentum": "0.9" })).toContain("fc1.weight.velocity");
    expect(messages(text(source), { "optimizer.*.bias.lr.factor": "0.5", "optimizer.fc2.*.lr": "1" })).toEqual([]);
    expect(messages(text(source), { "optimizer.*.bias.lr.factr": "1" })[0]).toMatch(
      "`constant` has no argument `factr`",
    );
    // The group's own setting is nearer than what the command line says about all.
    expect(messages(text('sgd { "*.bias": lr = 0.1 }'), { "optimizer.lr": "-1" })).toEqual([
      "sgd: lr must not be negative, found -1",
    ]);
    expect(messages(text('sgd { "*": lr = 0.1 }'), { "optimizer.lr": "-1" })).toEqual([
      expect.stringContaining("this learning rate has no effect"),
    ]);
  });
});

describe("what is frozen", () => {
  const all = cost(compiled("adam"));

  it("has no state and no gradient", () => {
    expect(all.states).toBe(2 * (FC1 + NORM + FC2));
    const upper = cost(compiled('adam { "fc1.*", "norm.*": frozen }'));
    expect(upper.states).toBe(2 * FC2);
    expect(upper.kernels).toBeLessThan(all.kernels);
  });

  it("costs no product of matrices", () => {
    const products = (optimizer: string): number => {
      let found = 0;
      compile(text(optimizer), {
        observe: (stage, { programs: [step] }) => {
          if (stage === "gradient") found = topological(roots(step)).filter(({ op }) => op === "matmul").length;
        },
      });
      return found;
    };
    // Forward; the gradients of the weights; that of the first layer's output.
    expect(products("sgd")).toBe(2 + 2 + 1);
    expect(products('sgd { "fc2.*": frozen }')).toBe(2 + 1 + 1);
    expect(products('sgd { "fc1.*": frozen }')).toBe(2 + 1 + 1);
    expect(products('sgd { "fc1.*", "norm.*": frozen }')).toBe(2 + 1);
    expect(products('sgd { "*": frozen }')).toBe(2);
  });

  it("may be said in the net", () => {
    const inNet = compiled(
      "adam",
      "",
      "fc1: linear(13, requires_grad = false); norm: layer_norm; tanh; fc2: linear(10)",
    );
    expect(cost(inNet)).toEqual(cost(compiled('adam { "fc1.*": frozen }')));
    const set = compiled("adam", "", MLP, { "net.fc1.requires_grad": "false" });
    expect(states(set)).toEqual(states(inNet));
  });

  it("holds for the layers in a layer, with and without labels", () => {
    const own = "layer two(size: size) { a: linear(size); repeat 2 { tanh |> linear(size) }; b: { linear(size) } }";
    const { manifest } = compile(`${own}\n${text("adam", "", "two(5, requires_grad = false); fc: linear(10)")}`);
    const trained = manifest.tensors.filter(({ kind }) => kind === "state").map(({ name }) => name);
    expect(trained.every((name) => name.startsWith("fc."))).toBe(true);
    expect(manifest.tensors.filter(({ kind }) => kind === "param").length).toBe(2 + 4 + 2 + 2);
  });

  it("may be a choice at compile time", () => {
    const net = "fc1: linear(13, requires_grad = 2 > 1); fc2: linear(10)";
    expect(states(compiled("sgd(momentum = 0.9)", "", net)).length).toBe(4);
    expect(messages(text("sgd", "", "fc1: linear(13, requires_grad = 3); fc2: linear(10)"))).toEqual([
      "`requires_grad` of `linear` must be true or false, found 3",
    ]);
    expect(messages(text("sgd", "", "linear(10, true, false)"))[0]).toMatch("`linear` takes at most 2 arguments");
  });

  it("may be everything", () => {
    expect(messages(text('sgd { "*": frozen }'))).toEqual(["no parameter of the model is trained"]);
    expect(cost(compiled('adam { "*": frozen }', "ema = 0.9, clip_norm = 1, accumulate = 3")).states).toBe(0);
  });

  it("is also what the loss has no gradient for", () => {
    const stopped = compiled("adamw", "", "fc1: linear(13); stop_gradient; fc2: linear(10)");
    expect(states(stopped)).toEqual(["fc2.weight.m", "fc2.weight.v", "fc2.bias.m", "fc2.bias.v"]);
    const decided = compiled("adamw", "", "let y = in |> fc1: linear(13); (y > 0) ? 1 : 2; fc2: linear(10)");
    expect(states(decided)).toEqual(states(stopped));
  });
});

describe("settings", () => {
  it("that are not there cost nothing", () => {
    const plain = cost(compiled("adam"));
    expect(cost(compiled("adam", "accumulate = 1"))).toEqual(plain);
    expect(Object.keys(compiled("adam").manifest.programs)).toEqual([
      "train_step",
      "evaluate",
      "summary",
      "forward",
      "pack",
    ]);
    // Elementwise, in the kernels that update the parameters.
    expect(cost(compiled("adam", "clip_value = 0.5"))).toEqual(plain);
    expect(cost(compiled("adam", "clip_norm = 0.5")).states).toBe(plain.states);
    expect(cost(compiled("adam", "ema = 0.9")).kernels).toBe(plain.kernels);
  });

  it("accumulate keeps one sum for each trained parameter", () => {
    const many = compiled('sgd(lr = 0.1) { "norm.*": frozen }', "accumulate = 100");
    expect(cost(many).states).toBe(FC1 + FC2);
    expect(Object.keys(many.manifest.programs)).toContain("update");
    expect(cost(compiled('sgd(lr = 0.1) { "norm.*": frozen }', "accumulate = 1000000"))).toEqual(cost(many));
  });

  it("ema keeps one average for each trained parameter, and for buffers where asked", () => {
    const net = "fc1: linear(13); norm: batch_norm1d; fc2: linear(10)";
    expect(cost(compiled('sgd { "fc1.*": frozen }', "ema = 0.9", net)).states).toBe(NORM + FC2);
    expect(cost(compiled('sgd { "fc1.*": frozen }', "ema = 0.9, ema_buffers = true", net)).states).toBe(2 * NORM + FC2);
  });
});

/** What is constant folds away: the size of the memory plan is that of an optimizer without it. */
describe("the memory plan", () => {
  const ALL = FC1 + NORM + FC2;
  /** Numbers that each of the six parameters has one of. */
  const EACH = 6;

  it.each([
    ["sgd(lr = 0.1)", "", 0],
    ["sgd(lr = 0.1, momentum = 0, dampening = 0, weight_decay = 0, nesterov = false, maximize = false)", "", 0],
    ["sgd(lr = 0.1, momentum = 0.5 - 0.5, weight_decay = 0.1)", "", 0],
    ["sgd(lr = 0.1, momentum = 0.9)", "", ALL],
    ["sgd(lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.1)", "", ALL],
    ['sgd(lr = 0.1, momentum = 0.9) { "*": momentum = 0 }', "", 0],
    ['sgd(lr = 0.1, momentum = 0.9) { "norm.*": momentum = 0 }', "", FC1 + FC2],
    ['sgd(lr = 0.1, momentum = 0.9) { "fc1.*": frozen }', "", NORM + FC2],
    ["adam", "", 2 * ALL],
    ["adam(amsgrad = false, weight_decay = 0)", "", 2 * ALL],
    ["adam(amsgrad = true)", "", 3 * ALL],
    ["adam(betas = [0, 0.999])", "", ALL],
    ["adam(betas = [0, 0])", "", 0],
    ["adamw(weight_decay = 0)", "", 2 * ALL],
    ["rmsprop", "", ALL],
    ["rmsprop(centered = false, momentum = 0)", "", ALL],
    ["rmsprop(centered = true)", "", 2 * ALL],
    ["rmsprop(centered = true, momentum = 0.9)", "", 3 * ALL],
    ["adagrad", "", ALL],
    ["adadelta", "", 2 * ALL],
    ["nadam", "", 2 * ALL + EACH],
    ["radam", "", 2 * ALL],
    ["lion", "", ALL],
    ["lion(betas = [0, 0])", "", 0],
    ["sgd(lr = 0.1)", "ema = 0", 0],
    ["sgd(lr = 0.1)", "ema = 0.9", ALL],
    ["sgd(lr = 0.1)", "accumulate = 1", 0],
    ["sgd(lr = 0.1)", "accumulate = 2", ALL],
  ])("of %s, %s holds %i numbers of states", (optimizer, settings, states) => {
    expect(cost(compiled(optimizer, settings)).states).toBe(states);
  });

  it.each([
    ["sgd(lr = 0.1, momentum = 0, weight_decay = 0, nesterov = false)", "sgd(lr = 0.1)"],
    ["adam(amsgrad = false, weight_decay = 0)", "adam"],
    ["rmsprop(centered = false, momentum = 0, weight_decay = 0)", "rmsprop"],
    ['sgd(lr = 0.1, momentum = 0.9) { "*": momentum = 0 }', "sgd(lr = 0.1)"],
    ["sgd(lr = 0.1 + 0 * step)", "sgd(lr = 0.1)"],
    ["sgd(lr = if 2 > 1 then 0.1 else cosine(0.1))", "sgd(lr = 0.1)"],
  ])("of %s is that of %s, to the byte", (optimizer, plain) => {
    const { kernels: _, memory } = compiled(optimizer).report;
    const expected = compiled(plain).report;
    expect({ ...memory, programs: memory.programs.map(({ arena }) => arena) }).toEqual({
      ...expected.memory,
      programs: expected.memory.programs.map(({ arena }) => arena),
    });
    expect(cost(compiled(optimizer))).toEqual(cost(compiled(plain)));
  });
});

describe("a state", () => {
  const own = (body: string) => `own(lr = 0.1)\n  optimizer own(lr: scalar) { ${body} }`;

  it("has the shape and the first value that it is given", () => {
    const { manifest, report } = compiled(
      own(
        "state rows[param.shape[0]] ~ normal(std = 0.5) = rows / 2; state count[] ~ constant(3) = count + 1; state v ~ ones\n" +
          "v = v * count; param -= lr * v * sum(rows) * grad",
      ),
    );
    const of = (name: string) => manifest.tensors.find((tensor) => tensor.name === name)!;
    expect(of("fc1.weight.rows")).toMatchObject({ shape: [13], init: { kind: "normal", std: 0.5 } });
    expect(of("fc1.weight.count")).toMatchObject({ shape: [], init: { kind: "constant", value: 3 } });
    expect(of("fc2.bias.v")).toMatchObject({ shape: [10], init: { kind: "constant", value: 1 } });
    expect(report.memory.states / 4).toBe(FC1 + NORM + FC2 + (13 + 13 + 2 * 13 + 10 + 10) + 6);
  });

  it("is its old value before an assignment, and the new one after it", () => {
    const target = (body: string) => {
      const { updates } = check(text(own(body))).model!.module.programs[0];
      return updates.find((u) => u.target === "fc2.bias")!.value;
    };
    const reads = (body: string) => topological([target(body)]).filter(({ op }) => op === "state").length;
    expect(reads("state v; param -= v; v = grad")).toBe(1);
    expect(reads("state v; v = grad; param -= v")).toBe(0);
    expect(reads("state v = grad; v += v; param -= v")).toBe(0);
  });

  it("that nothing reads does not exist", () => {
    expect(states(compiled(own("state v = v + 1; state w; w = v; param -= lr * grad")))).toEqual([]);
    expect(states(compiled(own("state v; state w = w + v; v = grad; param -= lr * w")), "fc2.bias")).toEqual([
      "fc2.bias.v",
      "fc2.bias.w",
    ]);
  });

  it("is unknown before it is declared", () => {
    const { diagnostics } = check(text(own("param -= lr * v; state v = grad")));
    expect(diagnostics[0]).toMatchObject({
      message: "unknown name `v`",
      help: "declare it before, `state v`, and give it its new value with `v = …`",
    });
  });

  it.each([
    ["state v; state v", "the state `v` is defined twice"],
    ["state param", "the state `param` is defined twice"],
    ["v = grad; state v", "what an optimizer assigns to must be `param` or a state, found `v`"],
    ["state v[2] = grad", "this must be a value of the state's shape [2], found f32[10]"],
    ["state v[3]; param = v", "this must be a value of the parameter's shape [10], found f32[3]"],
    ["state v[1.5]; param -= v", "a size must be a whole number of at least 1, found 1.5"],
    [
      "state v[10^10] = v; param -= sum(v)",
      "the state `fc2.bias.v` [10000000000] has 10000000000 elements; the limit is 2147483648",
    ],
    ["state v ~ relu", "the start of a parameter must be an initialiser, found the fn `relu`"],
  ])("%s: %s", (body, message) => {
    expect(messages(text(own(body), "", "fc2: linear(10)"))).toContain(message);
  });
});
