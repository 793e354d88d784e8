/** `mlc predict`: pictures, in the size and through the steps that the model evaluates with, to classes and probabilities. */
import type { Manifest } from "../../../runtime/abi.ts";
import { createTrainer, type Prediction, type Trainer } from "../../../runtime/index.ts";
import { picturesOf, readPicture } from "../data/image-folder.ts";
import { classNames, onlyInput, pictureSize } from "../data/sources.ts";
import { Failed, Interrupted, UserError } from "../errors.ts";
import type { Io } from "../io.ts";
import { compileModel, executableOf } from "../model.ts";
import type { PredictOptions } from "../predict.ts";
import { loadFile } from "../weights.ts";
import { jsonLine } from "./events.ts";

export async function runPrediction(
  file: string,
  images: readonly string[],
  options: PredictOptions,
  io: Io,
): Promise<void> {
  const paths = images.flatMap(picturesOf);
  const compilation = await compileModel(file, options, io);
  const { manifest } = compilation;
  const size = pictureSize(manifest);
  const trainer = await createTrainer(executableOf(compilation));
  await loadFile(trainer, options.weights, { weightsOnly: true, averaged: options.average });
  refuseUnmeasured(trainer, options.weights);
  const write = writer(
    manifest,
    trainer.classes ?? classNames(manifest, { io, model: file, data: options.data }),
    options,
    io,
  );
  let broken = 0;
  try {
    for (let from = 0; from < paths.length; from += manifest.batch) {
      if (io.interrupt.aborted) throw new Interrupted();
      const pictures = paths.slice(from, from + manifest.batch).flatMap((path) => {
        try {
          return [{ path, data: readPicture(path, size) }];
        } catch (error) {
          broken++;
          const message = (error as Error).message;
          if (options.json) io.stdout.write(jsonLine({ event: "error", path, message }));
          else io.stderr.write(`error: ${path}: ${message}\n`);
          return [];
        }
      });
      if (pictures.length === 0) continue;
      const { name } = onlyInput(manifest);
      const prediction = await trainer.predict({ [name]: Buffer.concat(pictures.map(({ data }) => data)) });
      for (const [i, { path }] of pictures.entries()) write(path, rowsOf(prediction, i));
    }
  } finally {
    trainer.dispose();
  }
  if (broken > 0) throw new Failed(1);
}

function refuseUnmeasured(trainer: Trainer, weights: string): void {
  if (trainer.measured) return;
  const names = trainer.manifest.measures!.map(({ tensor }) => tensor).join(", ");
  throw new UserError(
    "weights",
    `${weights} does not hold ${names}, which the model computes from its training data`,
    "Take weights that `mlc train --save` wrote, or give `normalize` its mean and std in the model.",
  );
}

type Rows = Readonly<Record<string, readonly number[]>>;

/** What the net gives for one sample, by name. */
function rowsOf(prediction: Prediction, sample: number): Rows {
  const { n, ...outputs } = prediction;
  const row = (values: ArrayLike<number>) => {
    const size = values.length / n;
    return Array.from({ length: size }, (_, i) => values[sample * size + i]);
  };
  return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, row(values as Float32Array)]));
}

interface Guess {
  readonly class: number;
  readonly name: string;
  readonly probability: number;
}

/** Writes what is said of one picture: classes where the model's target is one, else the numbers themselves. */
function writer(
  { inputs }: Manifest,
  names: readonly string[] | null,
  { top, json, quiet }: PredictOptions,
  io: Io,
): (path: string, rows: Rows) => void {
  const classes = inputs.find(({ role, classes }) => role === "target" && classes !== undefined)?.classes;
  const scoresIn = (rows: Rows) => Object.values(rows).find(({ length }) => length === classes);
  const guesses = (scores: readonly number[]): Guess[] =>
    probabilities(scores)
      .map((probability, i) => ({ class: i, name: names?.[i] ?? `class ${i}`, probability }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top);
  return (path, rows) => {
    const scores = scoresIn(rows);
    const event = scores ? { top: guesses(scores) } : rows;
    if (json) io.stdout.write(jsonLine({ event: "predict", path, ...event }));
    else if (!quiet) io.stdout.write(scores ? guessText(path, guesses(scores)) : rowText(path, rows));
  };
}

const guessText = (path: string, guesses: readonly Guess[]): string =>
  `${path}\n${guesses.map(({ name, probability }) => `  ${(100 * probability).toFixed(2).padStart(6)}%  ${name}\n`).join("")}`;

const rowText = (path: string, rows: Rows): string =>
  `${path}\n${Object.entries(rows)
    .map(([name, row]) => `  ${name}  ${row.map((value) => Number(value.toPrecision(6))).join(" ")}\n`)
    .join("")}`;

/** Softmax of the scores; scores that are probabilities (from 0, and 1 together) are taken as they are. */
function probabilities(scores: readonly number[]): readonly number[] {
  const total = scores.reduce((a, b) => a + b, 0);
  if (scores.every((score) => score >= 0) && Math.abs(total - 1) < 1e-4) return scores;
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
