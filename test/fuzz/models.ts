/** Fuzzing of the whole compiler: random valid models, each compared between interpreter, JavaScript and WebAssembly. */
import { neededFor } from "./backends.ts";
import { type Comparison, compareBackends } from "./compare.ts";
import { randomModel } from "./generate.ts";
import { modelText, type RandomModel } from "./program.ts";
import { shrink } from "./shrink.ts";

export interface Summary {
  models: number;
  skipped: number;
  compared: number;
  sharp: number;
  /** A text for each model that differs, ready to be pasted. */
  readonly failures: string[];
}

/** Models of the seeds `first`, `first + 1`, …; `found` hears of one that differs before it is made smaller, which takes a while. */
export async function fuzzModels(
  first: number,
  count: number,
  progress?: (done: number, failures: readonly string[]) => void,
  found?: (seed: number, difference: string) => void,
): Promise<Summary> {
  const summary: Summary = { models: 0, skipped: 0, compared: 0, sharp: 0, failures: [] };
  for (let seed = first; seed < first + count; seed++) {
    const { difference, compared, sharp, skipped } = await check(seed, found);
    summary.models++;
    summary.compared += compared;
    summary.sharp += sharp;
    if (skipped) summary.skipped++;
    if (difference !== null) summary.failures.push(difference);
    progress?.(seed - first + 1, summary.failures);
  }
  return summary;
}

async function check(seed: number, found?: (seed: number, difference: string) => void): Promise<Comparison> {
  const model = randomModel(seed);
  const result = await compareBackends(model);
  if (result.difference === null) return result;
  found?.(seed, result.difference);
  // A smaller model must fail on the same backend, and in the same way: an exception is not a wrong number.
  const kind = kindOf(result);
  const names = result.backend === null ? [] : neededFor(result.backend);
  const smaller = await shrink(model, async (candidate) => kindOf(await compareBackends(candidate, names)) === kind);
  const { difference } = await compareBackends(smaller, names);
  return { ...result, difference: report(seed, smaller, difference ?? result.difference, result.difference) };
}

function kindOf({ backend, difference }: Comparison): string {
  const exception = /: (\w*Error: .{0,30})/.exec(difference ?? "");
  return `${backend} ${exception ? exception[1] : difference === null}`;
}

function report(seed: number, model: RandomModel, difference: string, first: string): string {
  return [
    `seed ${seed} differs. As small as it could be made:`,
    "",
    modelText(model),
    difference,
    `(first: ${first.split("\n")[0]})`,
    `again: npm run fuzz -- --models --seed ${seed} --count 1`,
  ].join("\n");
}
