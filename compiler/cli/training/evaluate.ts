/** `mlc eval`: weights, evaluated on the model's evaluation split. */
import { createTrainer } from "../../../runtime/index.ts";
import { openData } from "../data/open.ts";
import type { EvalOptions } from "../eval.ts";
import type { Io } from "../io.ts";
import { compileModel, executableOf } from "../model.ts";
import { metricText, thousands } from "../text.ts";
import { loadFile } from "../weights.ts";
import { jsonLine } from "./events.ts";

export async function runEvaluation(file: string, options: EvalOptions, io: Io): Promise<void> {
  const compilation = await compileModel(file, options, io);
  const quiet = options.quiet || options.json;
  const trainer = await createTrainer(executableOf(compilation));
  await loadFile(trainer, options.weights, { weightsOnly: true, averaged: options.average, allowNonFinite: true });
  const { evaluation } = await openData(compilation.manifest, { io, data: options.data, quiet }, false);
  const { n, ...metrics } = await trainer.evaluate(evaluation);
  trainer.dispose();
  if (options.json) {
    io.stdout.write(jsonLine({ event: "eval", ...metrics, n }));
    return;
  }
  const figures = Object.entries(metrics).map(([name, value]) => metricText(name, value));
  io.stdout.write(`${figures.join("  ")}  on ${thousands(n)} samples\n`);
}
