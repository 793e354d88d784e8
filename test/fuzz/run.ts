/** A model's programs in the interpreter, called as the runtime calls those of a compiled model. */
import { parse } from "../../compiler/1-parse/parse.ts";
import { type Elaborated, elaborate } from "../../compiler/2-elaborate/elaborate.ts";
import { differentiate } from "../../compiler/3-passes/differentiate.ts";
import type { Program } from "../../compiler/ir/graph.ts";
import { type InterpretEnv, interpret } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { type Columns, createTrainer } from "../../runtime/index.ts";
import { permutation } from "../../runtime/shuffle.ts";
import { type Compilations, loadJs } from "./backends.ts";
import { modelText, type RandomModel } from "./program.ts";
import { Random } from "./random.ts";

export const SEED = 5;

/** Values by name: `loss`, tensors of the model, results of other programs. */
export type Values = ReadonlyMap<string, Tensor>;

export type Round = InterpretEnv["round"];

/** Batches of the samples with these numbers. */

export interface Update {
  readonly step: number;
  readonly epoch: number;
  readonly batches: readonly { readonly number: number; readonly samples: readonly number[] }[];
}

export interface Trained {
  readonly tensors: Values;
  /** Batches so far: random numbers depend on it. */
  readonly batches: number;
}

export class Run {
  readonly data: Columns;
  private readonly elaborated: Elaborated;
  private readonly programs: ReadonlyMap<string, Program>;
  private readonly inputs: ReadonlyMap<string, Tensor>;

  constructor(private readonly model: RandomModel) {
    this.elaborated = elaborate(parse({ name: "random", text: modelText(model) }));
    const { module, builder } = this.elaborated;
    this.programs = new Map(differentiate(module, builder).programs.map((program) => [program.name, program]));
    this.data = columns(this.elaborated, model);
    this.inputs = new Map(module.inputs.map(({ name, shape }) => this.column(name, shape)));
  }

  /** All samples of an input, by the name under which the programs see them. */
  private column(name: string, shape: readonly number[]): [string, Tensor] {
    const values = this.data[name] as Uint8Array | Float32Array | Int32Array;
    const given = { shape: [this.model.samples, ...shape], data: Float64Array.from(values) };
    return [values instanceof Uint8Array ? `${name}.bytes` : name, given];
  }

  updates(): Update[] {
    const { train } = this.elaborated;
    const { samples, batch } = this.model;
    const used = train.drop_last ? samples - (samples % batch) : samples;
    const updates: Update[] = [];
    let number = 0;
    for (let epoch = 0; epoch < train.epochs; epoch++) {
      const order = train.shuffle ? [...permutation(samples, SEED, epoch)] : numbers(samples);
      const batches = inParts(order.slice(0, used), batch).map((part) => ({ number: number++, samples: part }));
      for (const part of inParts(batches, train.accumulate)) {
        updates.push({ step: updates.length, epoch, batches: part });
      }
    }
    return updates;
  }

  update({ step, epoch, batches }: Update, before: Values, round: Round): Values {
    const { epochs } = this.elaborated.train;
    const total = this.updates().length;
    const times = { step, epoch, epochs, steps_per_epoch: total / epochs, total_steps: total };
    const tensors = new Map<string, Tensor>(before);
    let [loss, accumulated] = [0, 0];
    for (const { number, samples } of batches) {
      const env = { ...this.env(samples), host: { ...times, accumulated }, step: number, tensors, round };
      const { results, updates } = interpret(this.programs.get("train_step")!, env);
      for (const [name, value] of updates) tensors.set(name, value);
      accumulated += samples.length;
      loss += results.get("loss")!.data[0] * samples.length;
    }
    const all = this.programs.get("update");
    if (all) {
      const { number, samples } = batches.at(-1)!;
      const env = { ...this.env(samples), host: { ...times, accumulated }, step: number + 1, tensors, round };
      for (const [name, value] of interpret(all, env).updates) tensors.set(name, value);
    }
    return tensors.set("loss", scalar(loss / accumulated));
  }

  /** What the model computes from its training data, each value with those before it. */
  measured(round: Round): Values {
    const tensors = new Map<string, Tensor>();
    for (const { tensor, program } of this.elaborated.measures) {
      const sums = this.batches().map((samples) => {
        const env = { ...this.env(samples), tensors, round };
        const value = interpret(this.programs.get(program)!, env).results.get(tensor)!;
        return { ...value, data: value.data.map((v) => (v * samples.length) / this.model.samples) };
      });
      tensors.set(tensor, {
        ...sums[0],
        data: sums[0].data.map((_, i) => sums.reduce((s, { data }) => s + data[i], 0)),
      });
    }
    return tensors;
  }

  evaluate({ tensors, batches }: Trained, samples: number, round: Round): Values {
    const env = { ...this.env(numbers(samples)), step: batches, tensors, round };
    return interpret(this.programs.get("evaluate")!, env).results;
  }

  /** The outputs for all samples, batch by batch. */
  forward({ tensors, batches }: Trained, round?: Round, parts = this.batches()): Values {
    const results = parts.map((samples) => {
      const env = { ...this.env(samples), step: batches, tensors, round };
      return interpret(this.programs.get("forward")!, env).results;
    });
    const joined = [...results[0].keys()].map((name) => {
      const data = Float64Array.from(results.flatMap((part) => [...part.get(name)!.data]));
      return [name, { shape: [data.length], data }] as const;
    });
    return new Map(joined);
  }

  keepsSamplesApart(trained: Trained): boolean {
    const together = this.forward(trained, undefined, [numbers(this.model.samples)]);
    const apart = this.forward(trained);
    return [...together].every(([name, { data }]) => data.every((v, i) => Object.is(v, apart.get(name)!.data[i])));
  }

  /** What evaluations see after some updates: the averages of the weights, if there are any. */
  trained(tensors: Values, updates: readonly Update[]): Trained {
    const swapped = this.elaborated.module.tensors.filter(({ averageOf }) => averageOf !== undefined);
    const averages = swapped.map(({ name, averageOf }) => [averageOf!, tensors.get(name)!] as const);
    return { tensors: new Map([...tensors, ...averages]), batches: updates.flatMap(({ batches }) => batches).length };
  }

  /** As a trainer starts, but for the zeros and ones of parameters, which would hide much: they are moved a little. */
  async initialState(compilations: Compilations): Promise<Map<string, Tensor>> {
    const trainer = await createTrainer(compilations.of("js64").executable(loadJs), { seed: SEED });
    const initial = new Map(trainer.tensors().map(({ name, data }) => [name, data]));
    trainer.dispose();
    const random = new Random(SEED);
    const tensors = this.elaborated.module.tensors.map(({ name, kind, shape }) => {
      const data = initial.get(name) ?? new Float64Array(shape.reduce((a, b) => a * b, 1));
      const moved = Float64Array.from(data, (v) => Math.fround(kind === "param" ? v + 0.2 * random.unit() - 0.1 : v));
      return [name, { shape, data: moved }] as const;
    });
    return new Map(tensors);
  }

  private batches(): number[][] {
    return inParts(numbers(this.model.samples), this.model.batch);
  }

  private env(samples: readonly number[]): InterpretEnv {
    const inputs = [...(this.inputs ?? [])].map(([name, all]) => [name, rows(all, samples)] as const);
    return { n: samples.length, seed: SEED, step: 0, host: {}, tensors: new Map(), inputs: new Map(inputs) };
  }
}

const scalar = (value: number): Tensor => ({ shape: [], data: Float64Array.of(value) });

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const inParts = <T>(all: readonly T[], size: number): T[][] =>
  numbers(Math.ceil(all.length / size)).map((i) => all.slice(i * size, (i + 1) * size));

/** Random samples: of float32, of the classes' numbers, or bytes. */
function columns({ module: { inputs } }: Elaborated, { samples, bytes }: RandomModel): Columns {
  const random = new Random(SEED + 1);
  const made = inputs.map(({ name, role, dtype, shape, classes = 9 }) => {
    const length = shape.reduce((a, b) => a * b, samples);
    if (dtype === "i32") return [name, Int32Array.from({ length }, () => random.below(classes))] as const;
    if (bytes && role === "input") return [name, Uint8Array.from({ length }, () => random.below(256))] as const;
    return [name, Float32Array.from({ length }, () => 3 * random.unit() - 1.5)] as const;
  });
  return Object.fromEntries(made);
}

/** The samples with these numbers. */
function rows({ shape: [samples, ...shape], data }: Tensor, chosen: readonly number[]): Tensor {
  const size = data.length / samples;
  const part = new Float64Array(chosen.length * size);
  for (const [i, k] of chosen.entries()) part.set(data.subarray(k * size, (k + 1) * size), i * size);
  return { shape: [chosen.length, ...shape], data: part };
}
