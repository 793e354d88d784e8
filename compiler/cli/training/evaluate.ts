/** `mlc eval`: weights, evaluated on the model's evaluation split. */
import { createTrainer } from "../../../runtime/index.ts";
import { openData } from "../data/open.ts";
import { UserError } from "../errors.ts";
import type { EvalOptions } from "../eval.ts";
import type { Io } from "../io.ts";
import { metricTables, plainEvaluation, scalarTexts } from "../metrics.ts";
import { compileModel, executableOf } from "../model.ts";
import { thousands } from "../text.ts";
import { loadFile } from "../weights.ts";
import { jsonLine } from "./events.ts";

export async function runEvaluation(file: string, options: EvalOptions, io: Io): Promise<void> {
  const compilation = await compileModel(file, options, io);
  const quiet = options.quiet || options.json;
  const trainer = await createTrainer(executableOf(compilation), { threads: options.threads ?? "auto" });
  await loadFile(trainer, options.weights, { weightsOnly: true, averaged: options.average, allowNonFinite: true });
  const { data, split } = options;
  const where = { io, data, model: file, quiet };
  // Weights from elsewhere lack what the model computes from its training data.
  const request = { training: !trainer.measured, evaluated: split };
  const { training, evaluation } = await openData(compilation.manifest, where, request);
  if (evaluation === null) {
    const help = "Name it in the data clause (`eval = …`, `validation = 0.1`), or evaluate on --split train.";
    throw new UserError("no-data", "the model names no evaluation data", help);
  }
  if (training !== null) await trainer.measure(training.data);
  const found = await trainer.evaluate(evaluation.data);
  trainer.dispose();
  if (options.json) {
    io.stdout.write(jsonLine({ event: "eval", ...plainEvaluation(compilation.manifest, found) }));
    return;
  }
  io.stdout.write(`${scalarTexts(found).join("  ")}  on ${thousands(found.n)} samples\n`);
  io.stdout.write(metricTables(compilation.manifest, found, evaluation.names));
}
