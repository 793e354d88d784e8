/** A random valid model from a seed. The front end says what fits: a step is kept if it can stand where it was put. */
import { parse } from "../../compiler/1-parse/parse.ts";
import { elaborate } from "../../compiler/2-elaborate/elaborate.ts";
import { CompileError } from "../../compiler/diagnostics.ts";
import { expression } from "./expressions.ts";
import { LOSSES, randomEnding } from "./heads.ts";
import { DATA_STEPS, DEFINITIONS, randomStep, type Shape, stepText } from "./layers.ts";
import { block, line, modelText, type RandomModel, type Step, stepsText, withDefinitions } from "./program.ts";
import { Random } from "./random.ts";
import { OWN_OPTIMIZERS, randomGroups, randomOptimizer, randomSettings } from "./training.ts";

/** Elements of one sample at any place, so that the interpreter is not long at it. */
const MOST_ELEMENTS = 400;

interface Grown {
  readonly steps: readonly Step[];
  readonly shape: Shape;
}

const elements = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
const same = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i]);

class Generator {
  readonly definitions: string[] = [...DEFINITIONS, ...LOSSES, ...OWN_OPTIMIZERS];
  private labels = 0;

  constructor(private readonly random: Random) {}

  /** `count` steps from values of this shape. */
  grow(from: Shape, count: number, depth: number): Grown {
    const steps: Step[] = [];
    let shape = from;
    for (let tries = 3 * count; steps.length < count && tries > 0; tries--) {
      const step = this.step(shape, depth);
      const next = this.shapeAfter([step], shape);
      if (next === null) continue;
      steps.push(step);
      shape = next;
    }
    return { steps, shape };
  }

  private step(shape: Shape, depth: number): Step {
    const { random } = this;
    if (depth > 0 && random.chance(0.25)) {
      return random.of([this.residual, this.branches, this.repeated, this.shared]).call(this, shape, depth);
    }
    const text = random.chance(0.12) ? this.own() : randomStep(random, shape, () => this.own());
    // In the net itself `in` is what the net works on.
    return /\bin\b/.test(text) ? block(this.open(), [line(text)]) : line(text);
  }

  /** A function or a layer of the user's own. */
  own(): string {
    const { random, definitions } = this;
    const name = `own${definitions.length - DEFINITIONS.length}`;
    const body = expression(random);
    const layer = `layer ${name} {
  param weight[in.shape[1]] ~ uniform(0.5, 1.5)
  let x = in * (in.rank > 2 ? along(weight, in) : weight)
  ${body}
}
`;
    definitions.push(random.chance(0.7) ? `fn ${name}(x) = ${body}\n` : layer);
    return name;
  }

  /** What a branch gives, added to what it was given; where the shapes differ, it becomes a factor. */
  private residual(shape: Shape, depth: number): Step {
    const { random } = this;
    const side = this.grow(shape, random.from(1, 3), depth - 1);
    const axes = side.shape.map((_, i) => i + 1);
    const gate = `reshape(sigmoid(mean(side, axis = [${axes.join(", ")}])), [n, ${shape.map(() => 1).join(", ")}])`;
    const sums = ["in + side", "relu(in + side)", "in * side", "in - 0.5 * side"];
    const joined = same(side.shape, shape) ? random.of(sums) : `in * ${gate}`;
    return block(this.open(), [block("let side = in |> {", side.steps), line(joined)]);
  }

  /** Two branches, side by side. */
  private branches(shape: Shape, depth: number): Step {
    const { random } = this;
    const [a, b] = [1, 2].map(() => this.grow(shape, random.from(1, 2), depth - 1));
    const alike = same(a.shape.slice(1), b.shape.slice(1));
    const parts = alike
      ? ["a", "b"]
      : [`reshape(a, [n, ${elements(a.shape)}])`, `reshape(b, [n, ${elements(b.shape)}])`];
    return block(this.open(), [
      block("let a = in |> {", a.steps),
      block("let b = in |> {", b.steps),
      line(`concat([${parts.join(", ")}], axis = 1)`),
    ]);
  }

  private repeated(shape: Shape, depth: number): Step {
    const { random } = this;
    const { steps } = this.grow(shape, random.from(1, 2), depth - 1);
    return block(`repeat ${random.from(2, 3)}${random.chance(0.4) ? " shared" : ""} {`, steps);
  }

  /** One layer at two places. */
  private shared(shape: Shape, depth: number): Step {
    const { random } = this;
    const { steps } = this.grow(shape, random.from(1, 2), depth - 1);
    const places = ["let a = in |> tower", `let b = ${random.of(["tanh(in)", "-in", "0.5 * in"])} |> tower`];
    const joined = random.of(["a - b", "abs(a - b)", "a * b", "concat([a, b], axis = 1)"]);
    return block(this.open(), [block("share tower = {", steps), ...places.map(line), line(joined)]);
  }

  /** A line that begins with a brace would belong to the one above. */
  private open(): string {
    return `part${++this.labels}: {`;
  }

  /** Steps of a data clause for an image. */
  dataSteps(shape: Shape): { texts: string[]; shape: Shape } {
    const { random } = this;
    const texts: string[] = [];
    let after = shape;
    for (let tries = random.from(1, 4); tries > 0; tries--) {
      const text = stepText(random.of(DATA_STEPS), random, after, () => this.own());
      const next = this.shapeAfter([line(text)], after);
      if (next === null) continue;
      texts.push(text);
      after = next;
    }
    return { texts, shape: after };
  }

  /** The shape that steps give; null if they do not fit or are too large. */
  shapeAfter(steps: readonly Step[], shape: Shape): Shape | null {
    const model = `model probe {
  input x: f32[${shape.join(", ")}]
  net {\n${stepsText(steps, "    ")}  }
  loss mean(net)
  optimizer sgd(lr = 1)
}
`;
    const text = withDefinitions(model, this.definitions);
    try {
      const { outputs, module } = elaborate(parse({ name: "probe", text }), { batch: 4 });
      const { value } = outputs[0];
      const [samples, ...rest] = value.type.shape as number[];
      if ((samples as unknown) !== "n" || rest.length === 0 || rest.length > 3) return null;
      if (value.type.dtype !== "f32") return null;
      const weights = module.tensors.reduce((sum, t) => sum + elements(t.shape), 0);
      return weights > 20_000 || elements(rest) > MOST_ELEMENTS ? null : rest;
    } catch (error) {
      if (error instanceof CompileError) return null;
      throw new Error(`the front end failed on\n${text}`, { cause: error });
    }
  }
}

/** Whether a step of the tables fits values of this rank, of some shape. */
export function fitsSomewhere(step: string, rank: number): boolean {
  const random = new Random(1);
  const generator = new Generator(random);
  for (let tries = 0; tries < 200; tries++) {
    const shape = randomShape(random);
    const text = (): string => stepText(step, random, shape, () => generator.own());
    if (shape.length === rank && generator.shapeAfter([line(text())], shape) !== null) return true;
  }
  return false;
}

function randomShape(random: Random): Shape {
  const image = (): Shape => [random.of([1, 2, 3, 3, 4, 5, 8]), random.from(2, 11), random.from(2, 11)];
  return random.of([image, image, image, () => [random.from(2, 6), random.from(1, 12)], () => [random.from(1, 40)]])();
}

interface Start {
  readonly inputs: readonly string[];
  readonly data: readonly string[];
  readonly steps: readonly Step[];
  readonly shape: Shape;
}

/** The net's beginning: how its inputs become one value. */
function randomStart(random: Random, generator: Generator): Start {
  if (random.chance(0.1)) {
    const [tokens, rows, features] = [random.from(1, 6), random.from(2, 9), random.from(1, 9)];
    const padding = random.chance(0.4) ? `, padding_idx = ${random.of([0, -1])}` : "";
    const most = random.chance(0.3) ? `, max_norm = ${random.of([0.5, 1])}, norm_type = ${random.of([1, 2])}` : "";
    const scaled = random.chance(0.2) ? ", scale_grad_by_freq = true" : "";
    const type = random.chance(0.5) ? `i32[${tokens}]` : `class[${rows}, ${tokens}]`;
    const steps = [line(`embedding(${rows}, ${features}${padding}${most}${scaled})`)];
    return { inputs: [`input x: ${type}`], data: [], steps, shape: [tokens, features] };
  }
  const first = randomShape(random);
  const inputs = [`input x: f32[${first.join(", ")}]`];
  const { texts: data, shape } =
    first.length === 3 && random.chance(0.3) ? generator.dataSteps(first) : { texts: [], shape: first };
  if (random.chance(0.85)) return { inputs, data, steps: [], shape };
  const other = randomShape(random);
  const [a, b] = [shape, other].map((s) => generator.grow(s, random.from(1, 2), 0));
  const steps = [
    block("let left = x |> {", [...a.steps, line(`reshape([n, ${elements(a.shape)}])`)]),
    block("let right = y |> {", [...b.steps, line(`reshape([n, ${elements(b.shape)}])`)]),
    line("concat([left, right], axis = 1)"),
  ];
  inputs.push(`input y: f32[${other.join(", ")}]`);
  return { inputs, data, steps, shape: [elements(a.shape) + elements(b.shape)] };
}

type End = Pick<RandomModel, "targets" | "head" | "loss" | "metrics">;

/** One output or two, each with its loss. */
function randomEnd(random: Random, shape: Shape): End {
  if (random.chance(0.8)) {
    const { target, end, loss, metrics } = randomEnding(random, shape, "net", "label");
    return { targets: [target], head: [line(end)], loss, metrics };
  }
  const [a, b] = [
    randomEnding(random, shape, "net.first", "label"),
    randomEnding(random, shape, "net.second", "values"),
  ];
  return {
    targets: [a.target, b.target],
    head: [
      line("trunk: identity"),
      line(`output first = trunk |> ${a.end}`),
      line(`output second = trunk |> ${random.of(["", "relu |> "])}${b.end}`),
    ],
    loss: `${a.loss} + ${random.of(["0.5", "2"])} * (${b.loss})`,
    metrics: [...a.metrics, ...b.metrics],
  };
}

export function randomModel(seed: number): RandomModel {
  const random = new Random(seed);
  const generator = new Generator(random);
  const { inputs, data, steps: start, shape } = randomStart(random, generator);
  const { steps, shape: end } = generator.grow(shape, random.from(1, 6), 1 + random.below(2));
  const batch = random.of([1, 2, 3, 4, 5, 7, 8, 9, 24, 40, 64, 100]);
  const model: RandomModel = {
    ...randomEnd(random, end),
    inputs,
    net: [...start, ...steps],
    optimizer: randomOptimizer(random),
    groups: randomGroups(random),
    data,
    settings: randomSettings(random),
    definitions: generator.definitions,
    batch,
    samples: batch + (batch === 1 ? 2 : random.from(1, batch - 1)),
    bytes: random.chance(data.length > 0 ? 0.7 : 0.1),
  };
  return simplified(model);
}

/** Groups and settings need not fit the parameters and the optimizer. */
function simplified(model: RandomModel): RandomModel {
  if (isValid(model)) return model;
  for (const key of ["groups", "settings", "metrics"] as const) {
    for (const kept of model[key].map((_, i) => model[key].filter((__, k) => k !== i))) {
      const simpler = { ...model, [key]: kept };
      if (isValid(simpler)) return simpler;
    }
  }
  return { ...model, groups: [], settings: [], metrics: [] };
}

/** Whether the front end takes the model: a smaller one need not be valid. */
export function isValid(model: RandomModel): boolean {
  try {
    elaborate(parse({ name: "random", text: modelText(model) }));
    return true;
  } catch (error) {
    if (error instanceof CompileError) return false;
    throw error;
  }
}
