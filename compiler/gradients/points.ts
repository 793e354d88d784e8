/** Made-up contents for everything that a model is given: a point at which gradients are compared. */
import type { Elaborated } from "../2-elaborate/elaborate.ts";
import type { Init, TensorDecl, Value } from "../ir/graph.ts";
import { evaluate, type InterpretEnv } from "../ir/interpret.ts";
import type { Tensor } from "../ops/op.ts";
import { concrete, tensorOf } from "../ops/tensor.ts";
import type { Subject } from "./subjects.ts";

/** Few, but enough for statistics over them. */
const SAMPLES = 3;

export class Draw {
  constructor(private state: number) {}

  /** In [0, 1): mulberry32. */
  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let x = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }
  /** Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** Inputs and targets in [0, 1), classes at random, parameters near their initial distribution. */
export function modelPoint({ module, measures }: Elaborated, seed: number): InterpretEnv {
  const draw = new Draw(seed);
  const inputs = module.inputs.map(({ name, shape, dtype, classes }): [string, Tensor] => {
    const sizes = concrete(["n", ...shape], SAMPLES);
    const label = () => Math.floor(draw.uniform() * (classes ?? 2));
    return [name, tensorOf(sizes, () => (dtype === "i32" ? label() : draw.uniform()))];
  });
  const measured = new Set(measures.map(({ tensor }) => tensor));
  const tensors = module.tensors.map((decl): [string, Tensor] => {
    const value = measured.has(decl.name) ? () => draw.between(0.5, 1.5) : contents(decl, draw);
    return [decl.name, tensorOf(decl.shape, value)];
  });
  const host = new Proxy({} as Record<string, number>, { get: (_, name) => (name === "n" ? SAMPLES : 1) });
  return { n: SAMPLES, seed, step: 1, host, inputs: new Map(inputs), tensors: new Map(tensors) };
}

/** A constant parameter is moved a little: zeros and ones are often at kinks. */
function contents({ kind, init, shape }: TensorDecl, draw: Draw): () => number {
  const fan = shape.slice(1).reduce((size, dim) => size * dim, 1);
  const drawn: { readonly [K in Init["kind"]]?: () => number } = {
    constant: () => {
      const { value } = init as Extract<Init, { kind: "constant" }>;
      return kind === "param" ? value + 0.1 * draw.normal() : value;
    },
    uniform: () => {
      const { low, high } = init as Extract<Init, { kind: "uniform" }>;
      return draw.between(low, high);
    },
    normal: () => {
      const { mean, std } = init as Extract<Init, { kind: "normal" }>;
      return mean + std * draw.normal();
    },
  };
  return drawn[init.kind] ?? (() => draw.normal() / Math.sqrt(Math.max(1, fan)));
}

/** The point at which the subject's leaves hold what the model gives it there. */
export function subjectPoint({ operands, weights }: Subject, env: InterpretEnv, seed: number): InterpretEnv {
  const draw = new Draw(seed + 1);
  const values = evaluate(
    operands.map(({ operand }) => operand!),
    env,
  );
  const given = operands.map(({ leaf, operand }): [string, Tensor] => [
    leaf.attrs.name as string,
    values.get(operand!)!,
  ]);
  const weight = (leaf: Value): [string, Tensor] => [
    leaf.attrs.name as string,
    tensorOf(concrete(leaf.type.shape, env.n), () => draw.normal()),
  ];
  return { ...env, inputs: new Map([...env.inputs, ...given, ...(weights ? [weight(weights)] : [])]) };
}
