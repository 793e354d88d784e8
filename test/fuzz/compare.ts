/** Trains a random model on every backend and holds each step to the interpreter's. */
import type { Tensor } from "../../compiler/ops/op.ts";
import { createTrainer, type Trainer } from "../../runtime/index.ts";
import { BACKENDS, type Backend, type BackendName, backend, loadJs } from "./backends.ts";
import type { RandomModel } from "./program.ts";
import { type Call, largest, type Reference, referenceOf } from "./reference.ts";
import { SEED, type Values } from "./run.ts";

export interface Comparison {
  /** What differs, and where; null if nothing does. */
  readonly difference: string | null;
  readonly backend: BackendName | null;
  /** Tensors compared, and those among them where an error of 1 % would have been seen. */
  readonly compared: number;
  readonly sharp: number;
  /** Values that are not finite, or are very large: nothing was compared. */
  readonly skipped: boolean;
}

/** Noisy runs of the reference: more of them only where these few do not explain a difference. */
const FEW = 3;
const MANY = 24;

/** What a model itself does not take, such as a batch of one sample for its batch normalisation, there is nothing to compare on. */
const REFUSED = /^TrainerError: (the last|a) batch .*has \d+: /;

export async function compareBackends(
  model: RandomModel,
  names: readonly BackendName[] = Object.keys(BACKENDS) as BackendName[],
): Promise<Comparison> {
  const reference = await attempt(() => referenceOf(model));
  if (typeof reference === "string") {
    return { difference: `interpreter: ${reference}`, backend: null, compared: 0, sharp: 0, skipped: false };
  }
  if (!reference.finite) return { difference: null, backend: null, compared: 0, sharp: 0, skipped: true };
  const counts = { compared: 0, sharp: 0 };
  const bits = new Map<BackendName, readonly Values[]>();
  for (const name of names) {
    const difference = await attempt(async () => {
      const given = await runBackend(reference, name);
      bits.set(name, given);
      const sameAs = backend(name).sameAs as BackendName | undefined;
      const { measure, steps, evaluation, forward } = reference;
      const calls = [measure, ...steps, evaluation, forward];
      for (const [i, call] of calls.entries()) {
        const wrong = sameAs
          ? otherBits(bits.get(sameAs)![i], given[i], call)
          : differences(call, given[i], backend(name), reference.winograd, counts);
        if (wrong !== null) return wrong;
      }
      return null;
    });
    if (difference !== null && REFUSED.test(difference)) {
      return { difference: null, backend: null, ...counts, skipped: true };
    }
    if (difference !== null) return { difference: `${name}: ${difference}`, backend: name, ...counts, skipped: false };
  }
  return { difference: null, backend: null, ...counts, skipped: false };
}

/** An exception of the compiler or the runtime is a difference too. */
async function attempt<T>(run: () => Promise<T>): Promise<T | string> {
  try {
    return await run();
  } catch (error) {
    return `${(error as Error).stack}`;
  }
}

/** What each call of the reference gives here, each from the reference's own state. */
async function runBackend({ states, data, evaluated, compilations }: Reference, name: BackendName): Promise<Values[]> {
  const { threads } = BACKENDS[name];
  const trainer = await createTrainer(compilations.of(name).executable(loadJs), { seed: SEED, threads });
  try {
    if (trainer.threads !== threads) throw new Error(trainer.notes.join());
    await trainer.measure(data);
    const given: Values[] = [read(trainer)];
    write(trainer, states[0]);
    const onStep = ({ loss, step }: { loss: number; step: number }) => {
      given.push(new Map([["loss", figures(loss)], ...read(trainer)]));
      write(trainer, states[step]);
    };
    for await (const _ of trainer.fit(data, { steps: states.length - 1, onStep }));
    const { n: _, ...evaluation } = await trainer.evaluate(evaluated);
    given.push(new Map(Object.entries(evaluation).map(([metric, value]) => [metric, figures(value)])));
    const { n: __, ...outputs } = await trainer.predict(data);
    given.push(new Map(Object.entries(outputs).map(([output, v]) => [output, figures(v as Float32Array)])));
    return given;
  } finally {
    trainer.dispose();
  }
}

const figures = (value: number | Float32Array | Float64Array | Int32Array): Tensor => ({
  shape: [],
  data: typeof value === "number" ? Float64Array.of(value) : Float64Array.from(value),
});

function write(trainer: Trainer, values: Values): void {
  for (const { name, data } of trainer.tensors()) data.set(values.get(name)!.data);
}

function read(trainer: Trainer): Map<string, Tensor> {
  return new Map(trainer.tensors().map(({ name, shape, data }) => [name, { shape, data: Float64Array.from(data) }]));
}

function differences(
  call: Call,
  given: Values,
  { bits, factor, options }: Backend,
  winograd: boolean,
  counts: { compared: number; sharp: number },
): string | null {
  const precision = { bits, winograd: winograd || options.numerics === "fast" };
  const judge = (spread: ReadonlyMap<string, number>, count: boolean): string | null => {
    for (const [key, { data, shape }] of call.expected) {
      const value = given.get(key);
      // A state whose parameter has no gradient is not kept.
      if (!value) continue;
      const scale = largest(data, Math.abs);
      const tolerance = factor * Math.max(spread.get(key)!, 2 ** -bits * scale);
      if (count) counts.compared++;
      if (count && tolerance <= 0.01 * scale) counts.sharp++;
      const error = largest(data, (v, i) => Math.abs(value.data[i] - v));
      if (error <= tolerance) continue;
      const at = data.findIndex((v, i) => !(Math.abs(value.data[i] - v) < error));
      const numbers = `${value.data[at]} instead of ${data[at]}`;
      return `${call.title}, ${key}[${shape.join(", ")}], element ${at}: ${numbers} (${error.toExponential(1)} off, tolerance ${tolerance.toExponential(1)})`;
    }
    return null;
  };
  return judge(call.spread(precision, FEW), true) && judge(call.spread(precision, MANY), false);
}

function otherBits(one: Values, other: Values, { title }: Call): string | null {
  for (const [key, { data }] of one) {
    const at = data.findIndex((v, i) => !Object.is(v, other.get(key)!.data[i]));
    if (at !== -1) return `${title}, ${key}, element ${at}: ${other.get(key)!.data[at]}, on one thread ${data[at]}`;
  }
  return null;
}
