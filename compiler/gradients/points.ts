/** Made-up contents for everything that a model is given: a point at which gradients are compared. */
import type { Elaborated } from "../2-elaborate/elaborate.ts";
import { mixingDepths } from "../3-passes/samples.ts";
import type { Init, TensorDecl, Value } from "../ir/graph.ts";
import { evaluate, type InterpretEnv, interpret } from "../ir/interpret.ts";
import type { Tensor } from "../ops/op.ts";
import { concrete, tensorOf } from "../ops/tensor.ts";
import type { Subject } from "./subjects.ts";

/** A batch of two has sums over samples; where samples know of one another, the statistics of two would say too little. */
function samplesFor({ module }: Elaborated): number {
  const loss = module.programs[0].results[0].value;
  return mixingDepths([loss]).get(loss)! > 1 ? 3 : 2;
}

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

/** The points at which subjects are looked at; what the model gives to their leaves there is computed once. */
export class Points {
  readonly samples: number;
  private readonly known = new Map<number, { env: InterpretEnv; operands: ReadonlyMap<Value, Tensor> }>();

  constructor(
    private readonly model: Elaborated,
    private readonly subjects: readonly Subject[],
  ) {
    this.samples = samplesFor(model);
  }

  of({ operands, weights }: Subject, seed: number): InterpretEnv {
    const point = this.pointOf(seed);
    const draw = new Draw(seed + 1);
    const given = operands.map(({ leaf, operand }): [string, Tensor] => [
      leaf.attrs.name as string,
      point.operands.get(operand!)!,
    ]);
    const weight = (leaf: Value): [string, Tensor] => [
      leaf.attrs.name as string,
      tensorOf(concrete(leaf.type.shape, this.samples), () => draw.normal()),
    ];
    const inputs = new Map([...point.env.inputs, ...given, ...(weights ? [weight(weights)] : [])]);
    return { ...point.env, inputs };
  }

  private pointOf(seed: number): { env: InterpretEnv; operands: ReadonlyMap<Value, Tensor> } {
    const known = this.known.get(seed);
    if (known) return known;
    const env = modelPoint(this.model, this.samples, seed);
    const wanted = this.subjects.flatMap(({ operands }) => operands.map(({ operand }) => operand!));
    const point = { env, operands: evaluate([...new Set(wanted)], env) };
    this.known.set(seed, point);
    return point;
  }
}

/** Inputs and targets in [0, 1), classes at random, parameters near their initial distribution, measured buffers measured. */
function modelPoint({ module, measures }: Elaborated, samples: number, seed: number): InterpretEnv {
  const draw = new Draw(seed);
  const inputs = module.inputs.map(({ name, shape, dtype, classes }): [string, Tensor] => {
    const sizes = concrete(["n", ...shape], samples);
    const label = () => Math.floor(draw.uniform() * (classes ?? 2));
    return [name, tensorOf(sizes, () => (dtype === "i32" ? label() : draw.uniform()))];
  });
  const tensors = new Map(module.tensors.map((decl) => [decl.name, tensorOf(decl.shape, contents(decl, draw))]));
  const host = new Proxy({} as Record<string, number>, { get: (_, name) => (name === "n" ? samples : 1) });
  const env = { n: samples, seed, step: 1, host, inputs: new Map(inputs), tensors };
  for (const { tensor, program } of measures) {
    const { results } = interpret(module.programs.find(({ name }) => name === program)!, env);
    tensors.set(tensor, results.get(tensor)!);
  }
  return env;
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
