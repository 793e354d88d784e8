/** The library's optimizers and schedules, step by step, against PyTorch in float64; and what constant arguments leave of them. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics.ts";
import { hostFunction, type StepResult } from "../../runtime/index.ts";
import { uniform } from "./fixtures.ts";
import type { Golden } from "./golden.ts";
import { train, trainerOf, worst } from "./train.ts";

const { optimizers, schedules } = JSON.parse(
  readFileSync(new URL("../golden/std-optimizers.json", import.meta.url), "utf8"),
) as { optimizers: Golden[]; schedules: { lr: string; rates: number[] }[] };

/** Relative, of the losses of all steps. */
const TOLERANCE = { js64: 1e-9, wasm: 2e-5 };

const nameOf = ({ optimizer }: Golden) => optimizer.split("(")[0];
/** In float32 one of each: the last, which has most arguments. */
const last = optimizers.filter((golden, i) =>
  optimizers.slice(i + 1).every((other) => nameOf(other) !== nameOf(golden)),
);

for (const [backend, entries] of [["js64", optimizers] as const, ["wasm", last] as const]) {
  describe(backend, () => {
    it.each(entries.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
      const { steps } = await train(golden, backend);
      expect(steps.length).toBe(golden.losses.length);
      expect(worst(steps, golden.losses)).toBeLessThanOrEqual(TOLERANCE[backend]);
    });
  });
}

const EPOCHS = 12;
const STEPS_PER_EPOCH = 3;

function model(optimizer: string, definitions = ""): string {
  return `${definitions}
model small {
  input  x: f32[7]
  target values: f32[10]
  net { fc1: linear(13); tanh; fc2: linear(10) }
  loss mse(net, values)
  optimizer ${optimizer}
  train { epochs = ${EPOCHS}, batch = 6, shuffle = false }
}`;
}

describe("schedules", () => {
  const run = {
    n: 6,
    epochs: EPOCHS,
    steps_per_epoch: STEPS_PER_EPOCH,
    total_steps: EPOCHS * STEPS_PER_EPOCH,
    accumulated: 0,
  };
  const rateOf = (text: string) => hostFunction(compile(model(`sgd(lr = ${text})`)).manifest.lr!);

  it.each(schedules.map(({ lr, rates }) => [lr, rates] as const))("%s", (text, expected) => {
    const rate = rateOf(text);
    expected.forEach((value, step) => {
      const found = rate({ ...run, step, epoch: Math.floor(step / STEPS_PER_EPOCH) });
      expect(Math.abs(found - value), `step ${step}`).toBeLessThanOrEqual(1e-12);
    });
  });

  it("restarts at each sum of lengths, however long the run", () => {
    for (const factor of [2, 3, 5, 10]) {
      const rate = rateOf(`cosine_warm_restarts(1, T_0 = 7, T_mult = ${factor})`);
      for (let length = 7, at = 0; at < 1e7; at += length, length *= factor) {
        expect(rate({ ...run, step: 0, epoch: at }), `epoch ${at}`).toBeCloseTo(1, 9);
        if (at > 0) expect(rate({ ...run, step: 0, epoch: at - 1 }), `epoch ${at - 1}`).toBeLessThan(0.3);
      }
    }
  });

  it("goes on within an epoch where its time does", () => {
    const rate = rateOf("cosine(0.1, T_max = 4, at = step / steps_per_epoch)");
    expect(rate({ ...run, step: 5, epoch: 1 })).toBeCloseTo(0.05 * (1 + Math.cos((Math.PI * 5) / 12)), 12);
  });
});

/** 13 · 7 + 13 + 10 · 13 + 10 floats. */
const PARAMETERS = 244 * 4;

describe("what constant arguments leave", () => {
  const compiled = (optimizer: string) => {
    const { report, manifest } = compile(model(optimizer));
    const states = manifest.tensors
      .filter(({ kind, name }) => kind === "state" && name.startsWith("fc2.bias."))
      .map(({ name, shape }) => `${name.slice("fc2.bias.".length)}${shape.length === 0 ? "[]" : ""}`);
    const kernels = report.kernels.filter(({ program }) => program === "train_step");
    expect(report.memory.parameters).toBe(PARAMETERS);
    return { states, bytes: report.memory.states, kernels: kernels.length };
  };

  it.each([
    ["sgd", []],
    ["sgd(dampening = 0.5)", []],
    ["sgd(weight_decay = 0.1, maximize = true)", []],
    ["sgd(momentum = 0.9)", ["velocity"]],
    ["sgd(momentum = 0.9, dampening = 0.5, weight_decay = 0.1, maximize = true)", ["velocity"]],
    ["sgd(momentum = 0.9, dampening = 1)", ["velocity"]],
    ["sgd(momentum = 0.9, nesterov = true)", ["velocity"]],
    ["sgd(momentum = 0.1 * step)", ["velocity"]],
    ["sgd(momentum = 0 * step)", []],
    ["sgd(momentum = constant(0))", []],
    ["sgd(momentum = constant(0.5, factor = 0))", ["velocity"]],
    ["adam(betas = [0, 0.999])", ["v"]],
    ["adam(betas = [0, 0])", []],
    ["adamw(lr = one_cycle(0.1), betas = [0.9, 0], amsgrad = true)", ["m", "vmax"]],
    ["adam", ["m", "v"]],
    ["adam(amsgrad = true)", ["m", "v", "vmax"]],
    ["adam(weight_decay = 0.1, maximize = true)", ["m", "v"]],
    ["adam(weight_decay = 0.1, decoupled_weight_decay = true)", ["m", "v"]],
    ["adamw", ["m", "v"]],
    ["adamw(weight_decay = 0, maximize = true)", ["m", "v"]],
    ["adamw(amsgrad = true)", ["m", "v", "vmax"]],
    ["rmsprop", ["v"]],
    ["rmsprop(momentum = 0.9)", ["v", "buffer"]],
    ["rmsprop(centered = true)", ["v", "mean"]],
    ["rmsprop(alpha = 0)", []],
    ["rmsprop(momentum = 0.9, centered = true, weight_decay = 0.1, maximize = true)", ["v", "mean", "buffer"]],
    ["adagrad(initial_accumulator_value = 0.1)", ["total"]],
    ["adagrad(lr_decay = 0.1, weight_decay = 0.1, maximize = true)", ["total"]],
    ["adadelta", ["v", "u"]],
    ["adadelta(weight_decay = 0.1, maximize = true)", ["v", "u"]],
    ["adamax", ["m", "u"]],
    ["adam(lr = cosine(0.1), betas = [one_cycle_momentum, 0.99])", ["m", "v"]],
    ["nadam", ["mu_product[]", "m", "v"]],
    ["nadam(momentum_decay = 0, decoupled_weight_decay = true, maximize = true)", ["mu_product[]", "m", "v"]],
    ["radam(weight_decay = 0.1, decoupled_weight_decay = true, maximize = true)", ["m", "v"]],
    ["asgd", ["eta[]"]],
    ["asgd(weight_decay = 0.1, maximize = true)", ["eta[]"]],
    ["lion(weight_decay = 0.1, maximize = true)", ["m"]],
    ["radam", ["m", "v"]],
    ["lion", ["m"]],
    ["rprop", ["last", "step_size"]],
  ] as const)("states of %s", (optimizer, expected) => {
    const { states, bytes } = compiled(optimizer);
    expect(states).toEqual(expected);
    // One number for each of the four parameters, or as many as they have elements.
    const sizes = expected.map((name) => (name.endsWith("[]") ? 4 * 4 : PARAMETERS));
    expect(bytes).toBe(sizes.reduce<number>((a, b) => a + b, 0));
  });

  it("matrices under muon have a buffer, vectors what adamw has", () => {
    const bytes = (optimizer: string) => compiled(optimizer).bytes / 4;
    expect(bytes("muon")).toBe(13 * 7 + 10 * 13 + 2 * (13 + 10));
    expect(bytes("muon(momentum = 0)")).toBe(2 * (13 + 10));
  });

  it("options that are not used cost no kernel", () => {
    const plain = compiled("adam").kernels;
    for (const optimizer of [
      "rmsprop",
      "rmsprop(momentum = 0.9, centered = true)",
      "adagrad",
      "radam",
      "lion",
      "adamax",
    ])
      expect(compiled(optimizer).kernels, optimizer).toBe(plain);
    expect(compiled("sgd").kernels).toBeLessThanOrEqual(plain);
    expect(compiled("sgd(weight_decay = 0, dampening = 0.3)").kernels).toBe(compiled("sgd").kernels);
    // The schedule is computed by the host.
    expect(
      compiled("adam(lr = warmup(cosine_warm_restarts(0.1, T_0 = 4, T_mult = 2), total_iters = 10))").kernels,
    ).toBe(plain);
  });
});

it.each(["radam", "radam(betas = [0.9, 0.5])", "nadam", "rprop", "muon"])(
  "%s computes nothing that is not finite, also where it is not used",
  async (optimizer) => {
    const trainer = await trainerOf(compile(model(optimizer), { checkFinite: true }));
    const batch = { x: uniform("own x", [6, 7], -1, 1), values: uniform("own values", [6, 10], -1, 1) };
    for (let step = 1; step <= 7; step++) expect((await trainer.step(batch)).step).toBe(step);
    trainer.dispose();
  },
);

const ALL = [...new Set(optimizers.map(nameOf))].filter((name) => name !== "clipped");

it.each(ALL)("%s leaves weights of 0 without gradient as they are", async (optimizer) => {
  const text = model(optimizer).replace("tanh; fc2: linear(10)", "x |> fc2: linear(10)");
  const trainer = await trainerOf(compile(text.replace("fc1: linear(13); ", ""), { checkFinite: true }));
  for (const { data } of trainer.parameters()) data.fill(0);
  const batch = { x: new Float32Array(6 * 7), values: new Float32Array(6 * 10) };
  for (let step = 1; step <= 4; step++) expect((await trainer.step(batch)).loss).toBe(0);
  for (const { data } of trainer.parameters()) expect(data.every((weight) => weight === 0)).toBe(true);
  trainer.dispose();
});

const OWN = `
schedule half_cosine(rate: scalar, length = epochs) = half_way(rate, epoch / maximum(length, 1))
fn half_way(rate, share) = rate / 2 * (1 + cos(pi * share))

optimizer own_rmsprop(lr: scalar, alpha: number = 0.99, eps: number = 1e-8, momentum: number = 0, centered: bool = false) {
  assert alpha < 1, "own_rmsprop: alpha must be below 1, found {alpha}"
  state square = alpha * square + (1 - alpha) * grad * grad
  state average = average + (1 - alpha) * (grad - average)
  let scale = sqrt(centered ? square - average * average : square) + eps
  state step_ = momentum * step_ + grad / scale
  param -= lr * step_
}`;

describe("a user's own optimizer and schedule", () => {
  const own = "own_rmsprop(lr = half_cosine(0.01), momentum = 0.9)";

  const weightsAfter = async (text: string, steps: number) => {
    const trainer = await trainerOf(compile(text), 3);
    const data = { x: uniform("own x", [6, 7], -1, 1), values: uniform("own values", [6, 10], -1, 1) };
    const rates: (number | null)[] = [];
    const onStep = ({ lr }: StepResult) => void rates.push(lr);
    for await (const _ of trainer.fit(data, { epochs: steps, shuffle: false, onStep }));
    const weights = trainer.parameters().map(({ name }) => [...trainer.tensor(name).data]);
    trainer.dispose();
    return { rates, weights };
  };

  it("are the library's, bit for bit", async () => {
    const mine = await weightsAfter(model(own, OWN), 10);
    const library = await weightsAfter(model("rmsprop(lr = cosine(0.01), momentum = 0.9)"), 10);
    expect(mine.rates).toEqual(library.rates);
    expect(new Set(mine.rates).size).toBe(10);
    expect(mine.weights).toEqual(library.weights);
  });

  it("cost what the library's cost", () => {
    const cost = (text: string) => {
      const { report, wasm } = compile(text);
      return [report.memory.states, report.kernels.length, wasm!.length];
    };
    expect(cost(model(own, OWN))).toEqual(cost(model("rmsprop(lr = cosine(0.01), momentum = 0.9)")));
  });

  it("check their arguments", () => {
    expect(diagnostic(model("own_rmsprop(lr = 0.1, alpha = 2)", OWN)).message).toBe(
      "own_rmsprop: alpha must be below 1, found 2",
    );
  });
});

function diagnostic(text: string) {
  try {
    compile(text);
  } catch (e) {
    if (e instanceof CompileError) return e.diagnostics[0];
    throw e;
  }
  throw new Error("it compiles");
}

describe("arguments", () => {
  it.each([
    ["sgd(lr = -1)", "sgd: lr must not be negative, found -1"],
    ["lion(lr = 0 / 0)", "`lr` of `lion` must be a finite number, found NaN"],
    ["asgd(weight_decay = -1)", "asgd: weight_decay must not be negative, found -1"],
    ["sgd(momentum = one_cycle_momentum(pct_start = 2))", "one_cycle_momentum: pct_start must be from 0 to 1, found 2"],
    ["adam(betas = [0.9])", "adam: betas are two numbers, found [0.9]"],
    ["adamw(eps = -1)", "adamw: eps must not be negative, found -1"],
    ["rmsprop(alpha = 1.5)", "rmsprop: alpha must be from 0 to 1, found 1.5"],
    ["rmsprop(momentum = -1)", "rmsprop: momentum must not be negative, found -1"],
    ["adagrad(lr_decay = -1)", "adagrad: lr_decay must not be negative, found -1"],
    ["adagrad(initial_accumulator_value = -1)", "adagrad: initial_accumulator_value must not be negative, found -1"],
    ["adadelta(rho = 2)", "adadelta: rho must be from 0 to 1, found 2"],
    ["adamax(betas = [0.9, 1])", "adamax: betas must be at least 0 and below 1, found [0.9, 1]"],
    ["nadam(momentum_decay = -1)", "nadam: momentum_decay must not be negative, found -1"],
    ["radam(weight_decay = -1)", "radam: weight_decay must not be negative, found -1"],
    ["lion(betas = [1, 0.9])", "lion: betas must be at least 0 and below 1, found [1, 0.9]"],
    ["rprop(etas = [1.2, 0.5])", "rprop: etas must be one between 0 and 1 and one above 1, found [1.2, 0.5]"],
    ["rprop(step_sizes = [1, 0.5])", "rprop: step_sizes must be the least and the most, found [1, 0.5]"],
    ["muon(ns_steps = 100)", "muon: ns_steps must be below 100, found 100"],
    ["muon(ns_coefficients = [1, 2])", "muon: ns_coefficients are three numbers, found [1, 2]"],
    ["sgd(lr = linear(0.1, start_factor = 0))", "linear: start_factor must be above 0 and at most 1, found 0"],
    ["sgd(lr = polynomial(0.1, power = 0))", "polynomial: power must be positive, found 0"],
    ["sgd(lr = constant(0.1, factor = 2))", "constant: factor must be from 0 to 1, found 2"],
    ["sgd(lr = piecewise([0.1], milestones = [3]))", "piecewise: [0.1] are not one more than the milestones [3]"],
    [
      "sgd(lr = piecewise_linear([0.1], milestones = [3, 4]))",
      "piecewise_linear: [0.1] are not as many as the milestones [3, 4]",
    ],
    ["sgd(lr = warmup(0.1, total_iters = 5, start_factor = 2))", "warmup: start_factor must be from 0 to 1, found 2"],
    ["sgd(lr = one_cycle(0.1, pct_start = 2))", "one_cycle: pct_start must be from 0 to 1, found 2"],
  ])("%s", (optimizer, message) => {
    const found = diagnostic(model(optimizer));
    expect(found.message).toBe(message);
    expect(found.help).toBeTruthy();
  });
});
