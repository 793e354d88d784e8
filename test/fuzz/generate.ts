/** A random valid model from a seed. The front end says what fits: a step is kept if it can stand where it was put. */
import { parse } from "../../compiler/1-parse/parse.ts";
import { elaborate } from "../../compiler/2-elaborate/elaborate.ts";
import { CompileError } from "../../compiler/diagnostics.ts";
import { expression } from "./expressions.ts";
import { randomHead, randomOptimizer } from "./heads.ts";
import { HELPERS, randomLayer, type Shape } from "./layers.ts";
import { block, line, modelText, type RandomModel, type Step, stepsText } from "./program.ts";
import { Random } from "./random.ts";

/** Elements of one sample at any place, so that the interpreter is not long at it. */
const MOST_ELEMENTS = 400;

interface Grown {
  readonly steps: readonly Step[];
  readonly shape: Shape;
}

class Generator {
  readonly definitions: string[] = [HELPERS];
  private labels = 0;

  constructor(private readonly random: Random) {}

  /** `count` steps from values of this shape. */
  grow(from: Shape, count: number, depth: number): Grown {
    const steps: Step[] = [];
    let shape = from;
    for (let tries = 3 * count; steps.length < count && tries > 0; tries--) {
      const step = this.step(shape, depth);
      const next = this.shapeAfter(step, shape);
      if (next === null) continue;
      steps.push(step);
      shape = next;
    }
    return { steps, shape };
  }

  private step(shape: Shape, depth: number): Step {
    const { random } = this;
    if (depth > 0 && random.chance(0.25)) {
      return random.of([this.residual, this.branches, this.repeated]).call(this, shape, depth);
    }
    if (random.chance(0.12)) return line(this.activation());
    return randomLayer(random, shape);
  }

  /** A function or a layer of the user's own. */
  private activation(): string {
    const { random, definitions } = this;
    const name = `own${definitions.length}`;
    if (random.chance(0.7)) definitions.push(`fn ${name}(x) = ${expression(random)}\n`);
    else {
      const shape = random.of(["in.shape[1]", "in.shape[in.rank - 1]"]);
      const meet =
        shape === "in.shape[1]"
          ? "in.rank == 4 ? per_channel(w) : in.rank == 3 ? reshape(w, [in.shape[1], 1]) : w"
          : "w";
      definitions.push(`layer ${name} {
  param weight[${shape}] ~ uniform(0.5, 1.5)
  let w = weight
  let x = in * (${meet})
  ${expression(random)}
}
`);
    }
    return name;
  }

  /** What a branch gives, added to what it was given; where the shapes differ, it becomes a factor. */
  private residual(shape: Shape, depth: number): Step {
    const { random } = this;
    const side = this.grow(shape, random.from(1, 3), depth - 1);
    const same = side.shape.length === shape.length && side.shape.every((size, i) => size === shape[i]);
    const axes = side.shape.map((_, i) => i + 1);
    const gate = `reshape(sigmoid(mean(side, axis = [${axes.join(", ")}])), [n, ${shape.map(() => 1).join(", ")}])`;
    const joined = same ? random.of(["in + side", "relu(in + side)", "in * side", "in - 0.5 * side"]) : `in * ${gate}`;
    return block(this.open(), [block("let side = in |> {", side.steps), line(joined)]);
  }

  /** Two branches, side by side. */
  private branches(shape: Shape, depth: number): Step {
    const { random } = this;
    const [a, b] = [1, 2].map(() => this.grow(shape, random.from(1, 2), depth - 1));
    const flat = ({ shape: s }: Grown, name: string): string =>
      `reshape(${name}, [n, ${s.reduce((x, y) => x * y, 1)}])`;
    const alike = a.shape.length === b.shape.length && a.shape.slice(1).every((size, i) => size === b.shape[i + 1]);
    const parts = alike ? ["a", "b"] : [flat(a, "a"), flat(b, "b")];
    return block(this.open(), [
      block("let a = in |> {", a.steps),
      block("let b = in |> {", b.steps),
      line(`concat([${parts.join(", ")}], axis = 1)`),
    ]);
  }

  /** A line that begins with a brace would belong to the one above. */
  private open(): string {
    return `part${++this.labels}: {`;
  }

  private repeated(shape: Shape, depth: number): Step {
    return block("repeat 2 {", this.grow(shape, this.random.from(1, 2), depth - 1).steps);
  }

  /** The shape that a step gives; null if it does not fit or is too large. */
  private shapeAfter(step: Step, shape: Shape): Shape | null {
    const text = `model probe {
  input x: f32[${shape.join(", ")}]
  net {\n${stepsText([step], "    ")}  }
  loss mean(net)
  optimizer sgd(lr = 1)
}
${this.definitions.join("\n")}`;
    try {
      const { outputs, module } = elaborate(parse({ name: "probe", text }), { batch: 4 });
      const { value } = outputs[0];
      const [samples, ...rest] = value.type.shape as number[];
      if ((samples as unknown) !== "n" || rest.length === 0 || rest.length > 3) return null;
      if (value.type.dtype !== "f32") return null;
      const weights = module.tensors.reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
      return weights > 20_000 || rest.reduce((a, b) => a * b, 1) > MOST_ELEMENTS ? null : rest;
    } catch (error) {
      if (error instanceof CompileError) return null;
      throw new Error(`the front end failed on\n${text}`, { cause: error });
    }
  }
}

function randomShape(random: Random): Shape {
  const image = (): Shape => [random.of([1, 2, 3, 4, 5, 8]), random.from(2, 11), random.from(2, 11)];
  return random.of([image, image, image, () => [random.from(2, 6), random.from(1, 12)], () => [random.from(1, 40)]])();
}

/** The net's beginning: how its inputs become one value. */
function randomStart(random: Random, generator: Generator): { inputs: string[]; start: Step[]; shape: Shape } {
  const shape = randomShape(random);
  if (random.chance(0.08)) {
    const [tokens, classes, features] = [random.from(1, 6), random.from(2, 9), random.from(1, 9)];
    const start = [line(`embedding(${classes}, ${features})`)];
    return { inputs: [`input x: i32[${tokens}]`], start, shape: [tokens, features] };
  }
  if (random.chance(0.9)) return { inputs: [`input x: f32[${shape.join(", ")}]`], start: [], shape };
  const other = randomShape(random);
  const [a, b] = [shape, other].map((s) => generator.grow(s, random.from(1, 2), 0));
  const size = [a, b].map((g) => g.shape.reduce((x, y) => x * y, 1));
  const start = [
    block("let left = x |> {", [...a.steps, line(`reshape([n, ${size[0]}])`)]),
    block("let right = y |> {", [...b.steps, line(`reshape([n, ${size[1]}])`)]),
    line("concat([left, right], axis = 1)"),
  ];
  const inputs = [`input x: f32[${shape.join(", ")}]`, `input y: f32[${other.join(", ")}]`];
  return { inputs, start, shape: [size[0] + size[1]] };
}

export function randomModel(seed: number): RandomModel {
  const random = new Random(seed);
  const generator = new Generator(random);
  const { inputs, start, shape } = randomStart(random, generator);
  const { steps, shape: end } = generator.grow(shape, random.from(1, 6), 1 + random.below(2));
  const head = randomHead(random, end);
  const { optimizer, definitions } = randomOptimizer(random);
  const batch = random.of([1, 2, 3, 4, 5, 7, 8, 9]);
  return {
    ...head,
    inputs,
    net: [...start, ...steps],
    optimizer,
    definitions: [...generator.definitions, ...head.definitions, ...definitions],
    batch,
    samples: batch + (batch === 1 ? 2 : random.from(1, batch - 1)),
  };
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
