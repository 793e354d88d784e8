/** Optimizers and schedules: states, what folds away, what the user may write. */
import { describe, expect, it } from "vitest";
import type { Elaborated } from "../../compiler/2-elaborate/elaborate.ts";
import { compile } from "../../compiler/compile.ts";
import { topological } from "../../compiler/ir/graph.ts";
import { check, modelWith } from "../errors/front-end.ts";

function model(text: string): Elaborated {
  const { diagnostics, model } = check(modelWith(text));
  expect(diagnostics.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
  return model!;
}

const states = (optimizer: string, rest = ""): string[] =>
  model(`optimizer ${optimizer}\n${rest}`)
    .module.tensors.filter((t) => t.kind === "state")
    .map((t) => t.name);

/** The operations that make the new bias of `fc` from the old one and its gradient. */
function update(optimizer: string, rest = ""): string[] {
  const [step] = model(`optimizer ${optimizer}\n${rest}`).module.programs;
  const { value } = step.updates.find((u) => u.target === "fc.bias")!;
  const gradient = topological([value]).find((v) => v.op === "grad")!;
  const inside = new Set(topological([gradient]));
  return topological([value])
    .filter((v) => !inside.has(v))
    .map((v) => v.op);
}

describe("sgd", () => {
  it("without options is param − lr · grad", () => {
    expect(states("sgd(lr = 0.1)")).toEqual([]);
    expect(update("sgd(lr = 0.1)")).toEqual(["const", "mul", "sub"]);
  });

  it("keeps a velocity where there is momentum", () => {
    expect(states("sgd(lr = 0.1, momentum = 0.9)")).toEqual(["fc.weight.velocity", "fc.bias.velocity"]);
    expect(states("sgd(lr = 0.1, dampening = 0.5)")).toEqual([]);
  });

  it("needs no case for the first step without dampening", () => {
    expect(update("sgd(lr = 0.1, momentum = 0.9)")).not.toContain("where");
    expect(update("sgd(lr = 0.1, momentum = 0.9, dampening = 0.5)")).toContain("where");
  });
});

it("adam keeps a maximum only where asked", () => {
  expect(states("adam")).toEqual(["fc.weight.m", "fc.weight.v", "fc.bias.m", "fc.bias.v"]);
  expect(states("adam(amsgrad = true)").length).toBe(6);
});

it("computes what depends on the step alone outside of the kernels", () => {
  const { lr } = model("optimizer sgd(lr = 0.1 * 0.95 ^ epoch)");
  expect(topological([lr!]).map((v) => v.op)).toEqual(expect.arrayContaining(["host", "pow", "mul"]));
  expect(lr!.type.shape).toEqual([]);
});

describe("a user's own", () => {
  it("optimizer has states, assignments and conditions", () => {
    const own = `optimizer own(lr: scalar, decay = 0) {
      if decay > 0 { param *= 1 - lr * decay }
      state count = count + 1
      state average = 0.5 * average + grad
      let unused = count
      param += -lr * average
    }`;
    expect(states("own(lr = 0.1)", own)).toEqual(["fc.weight.average", "fc.bias.average"]);
    expect(update("own(lr = 0.1)", own).filter((op) => op === "mul").length).toBe(2);
    expect(update("own(lr = 0.1, decay = 0.5)", own).filter((op) => op === "mul").length).toBe(3);
  });

  it("state that keeps the number it starts with takes no memory", () => {
    const own = (text: string) =>
      compile(modelWith(`optimizer own(lr = 0.1)\noptimizer own(lr) { ${text}; param -= lr * grad }`)).manifest;
    const plain = own("");
    const states = `state half ~ constant(0.5); state twice ~ constant(2) = maximum(twice, twice)
      param *= half * twice`;
    expect(own(states).tensors).toEqual(plain.tensors);
    expect(own(states).memoryBytes).toBe(plain.memoryBytes);
    const drawn = own("state drawn ~ uniform(±1); param += drawn");
    expect(drawn.tensors.length).toBe(plain.tensors.length + 2);
  });

  it("definitions take the place of the library's", () => {
    expect(update("sgd(0.1)", "optimizer sgd(lr) { param = grad }")).toEqual([]);
  });

  it("schedule is a function of the run", () => {
    const { lr } = model("optimizer sgd(lr = ramp(0.1))\nschedule ramp(lr, over = total_steps) = lr * t / over");
    expect(
      topological([lr!])
        .flatMap((v) => (v.op === "host" ? [v.attrs.name] : []))
        .sort(),
    ).toEqual(["step", "total_steps"]);
  });

  it("loss is reduced as the library's are", () => {
    const loss = (call: string, definition: string) =>
      model(`net { flatten; fc: linear(10) }\n${definition}\nloss ${call}`).module.programs[0].results[0].value;
    const own = "loss own(pred, target, eps = 1) = (pred - one_hot(target, 10)) ^ 2 + eps";
    expect(loss("own(net, label)", own)).toMatchObject({ op: "div", type: { shape: [] } });
    expect(loss("own(net, label, reduction = sum)", own)).toMatchObject({ op: "sum" });
    expect(loss("max(own(net, label, reduction = none))", own)).toMatchObject({ op: "max" });
    expect(loss("own(net, label)", "loss own(a, b, reduction = 3) = sum(a) * reduction")).toMatchObject({ op: "mul" });
  });

  it("initialiser knows the shape that it fills", () => {
    const { module } = model(`init half = constant(fan_in / 2 + len(shape))
      layer own { param w[4, in.features] ~ half; in @ transpose(w) }
      net { flatten; own; fc: linear(10) }`);
    expect(module.tensors[0]).toMatchObject({ name: "own.w", shape: [4, 192], init: { kind: "constant", value: 98 } });
  });
});

describe("initialisers", () => {
  /** PyTorch's bounds and deviations for a weight [4, 192]; kaiming_uniform(a = √5) is that of Linear. */
  it.each([
    ["kaiming_uniform(a = sqrt(5))", { kind: "uniform", high: Math.sqrt(1 / 192) }],
    ["kaiming_uniform(nonlinearity = relu)", { kind: "uniform", high: Math.sqrt(6 / 192) }],
    ["kaiming_normal(mode = fan_out, nonlinearity = relu)", { kind: "normal", std: Math.sqrt(2 / 4) }],
    ["kaiming_normal(nonlinearity = tanh)", { kind: "normal", std: 5 / 3 / Math.sqrt(192) }],
    ["xavier_uniform", { kind: "uniform", high: Math.sqrt(6 / 196) }],
    ["xavier_normal(gain = 2)", { kind: "normal", std: 2 * Math.sqrt(2 / 196) }],
    ["uniform(±0.25)", { kind: "uniform", high: 0.25 }],
    ["uniform(-1, 3)", { kind: "uniform", low: -1, high: 3 }],
    ["normal(mean = 1, std = 2)", { kind: "normal", mean: 1, std: 2 }],
    ["zeros", { kind: "constant", value: 0 }],
    ["0.5", { kind: "constant", value: 0.5 }],
  ])("%s", (init, expected) => {
    const { module } = model(`layer own { param w[4, in.features] ~ ${init}; in @ transpose(w) }
      net { flatten; own; fc: linear(10) }`);
    const found = module.tensors[0].init as unknown as Record<string, number>;
    for (const [key, value] of Object.entries(expected)) {
      if (typeof value === "number") expect(found[key]).toBeCloseTo(value, 12);
      else expect(found[key]).toBe(value);
    }
  });
});
