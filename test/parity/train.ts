/** Trains a golden entry's model in mlc from the golden's weights. */
import { type Compilation, compile } from "../../compiler/compile.ts";
import { createTrainer, encodeSafetensors, type StepResult, type Trainer } from "../../runtime/index.ts";
import { uniform } from "./fixtures.ts";
import { columns, type Data, type Golden, initialWeights, modelText } from "./golden.ts";

export type Backend = "wasm" | "js" | "js64";

export type Numerics = "strict" | "fast";

/** By the definition unless the test is of `fast`: what tolerances of float32 are about. */
export function compileFor(text: string, backend: Backend, numerics: Numerics = "strict"): Compilation {
  const precision = backend === "js64" ? "f64" : "f32";
  return compile(text, { backend: backend === "wasm" ? "wasm" : "js", precision, numerics });
}

export async function trainerOf(compilation: Compilation, seed = 0): Promise<Trainer> {
  return createTrainer(
    compilation.executable((js) => import(`data:text/javascript,${encodeURIComponent(js)}`)),
    { seed },
  );
}

/** A trainer of this entry's model, at the golden's initial weights. */
export async function goldenTrainer(golden: Golden, backend: Backend, numerics?: Numerics): Promise<Trainer> {
  const trainer = await trainerOf(compileFor(modelText(golden), backend, numerics));
  const buffers = trainer.tensors().filter(({ kind }) => kind === "buffer");
  await trainer.load(encodeSafetensors([...initialWeights(trainer.parameters(), golden.draw), ...buffers]));
  return trainer;
}

/** Σ change · pattern over a tensor. */
export interface Effect {
  readonly probe: number;
  /** Σ |change · pattern|, to which errors of the change are in proportion. */
  readonly scale: number;
  /** Of the stored values, to float32. */
  readonly rounding: number;
}

export interface Trained {
  readonly trainer: Trainer;
  readonly data: Record<string, Uint8Array | Int32Array | Float32Array>;
  readonly steps: StepResult[];
  readonly epochSums: number[];
  /** The effect of the first step on each tensor. */
  readonly firstStep: Map<string, Effect>;
}

/** Steps through the data in order, as often as it takes; `steps` are the golden's own number by default. */
export async function train(
  golden: Golden,
  backend: Backend,
  options: { steps?: number; epochs?: number; cifar10?: Data; numerics?: Numerics } = {},
): Promise<Trained> {
  const trainer = await goldenTrainer(golden, backend, options.numerics);
  const data = columns(golden, options.cifar10);
  const before = snapshot(trainer);
  const trained: Trained = { trainer, data, steps: [], epochSums: [], firstStep: new Map() };
  const epochs = options.epochs ?? trainer.manifest.train.epochs;
  const steps = options.steps ?? (options.epochs === undefined ? golden.losses.length : undefined);
  const onStep = (result: StepResult) => {
    if (trained.steps.length === 0)
      for (const [name, effect] of effects(trainer, before)) trained.firstStep.set(name, effect);
    trained.steps.push(result);
  };
  for await (const { lossSum } of trainer.fit(data, { epochs, steps, shuffle: false, onStep }))
    trained.epochSums.push(lossSum);
  return trained;
}

const snapshot = (trainer: Trainer) =>
  trainer.tensors().map(({ name, shape, data }) => ({ name, shape, data: Float64Array.from(data) }));

function effects(trainer: Trainer, before: ReturnType<typeof snapshot>): [string, Effect][] {
  return before.map(({ name, shape, data: old }) => {
    const { data } = trainer.tensor(name);
    const pattern = uniform("probe", shape, -1, 1);
    const terms = old.map((value, i) => (data[i] - value) * pattern[i]);
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
    const rounding = trainer.manifest.floatBytes === 4 ? sum(old.map((value) => Math.abs(value) * 2 ** -24)) : 0;
    return [name, { probe: sum(terms), scale: sum(terms.map(Math.abs)), rounding }];
  });
}

/** The largest relative difference of the first `upTo` losses. */
export function worst(steps: readonly { loss: number }[], losses: readonly number[], upTo = losses.length): number {
  const errors = losses.slice(0, upTo).map((loss, i) => Math.abs(steps[i].loss - loss) / Math.abs(loss));
  return Math.max(0, ...errors.map((error) => (Number.isNaN(error) ? Infinity : error)));
}
