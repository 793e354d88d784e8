/** Makes a failing model smaller as long as it still fails. */
import { isValid } from "./generate.ts";
import { line, modelText, type RandomModel, type Step } from "./program.ts";

/** A model has so few parts that this is never the end of it. */
const MOST_ATTEMPTS = 300;

export async function shrink(
  model: RandomModel,
  fails: (model: RandomModel) => Promise<boolean>,
): Promise<RandomModel> {
  let best = model;
  // What did not help once is not tried again at once: parts that can go stand anywhere.
  for (let at = 0, attempts = 0, since = 0; attempts < MOST_ATTEMPTS; attempts++) {
    const smaller = [...candidates(best)].filter((c) => modelText(c) !== modelText(best));
    if (since >= smaller.length) break;
    const candidate = smaller[at % smaller.length];
    if (isValid(candidate) && (await fails(candidate))) [best, since] = [candidate, 0];
    else [at, since] = [(at + 1) % smaller.length, since + 1];
  }
  return best;
}

/** The plainest first. */
function* candidates(model: RandomModel): Generator<RandomModel> {
  for (const net of smallerBodies(model.net)) yield { ...model, net };
  for (const optimizer of ["sgd(lr = 1)", ...fewerArguments(model.optimizer)]) yield { ...model, optimizer };
  for (const key of ["metrics", "groups", "settings", "data", "targets"] as const) {
    for (const kept of fewer(model[key])) yield { ...model, [key]: kept };
  }
  yield { ...model, bytes: false };
  for (const loss of ["mean(net ^ 2)", "mean(net.first ^ 2)"]) yield { ...model, loss };
  for (const loss of fewerArguments(model.loss)) yield { ...model, loss };
  yield { ...model, head: [] };
  for (const head of smallerBodies(model.head)) yield { ...model, head };
  for (const batch of [1, 2, model.batch - 1]) {
    if (batch >= 1 && batch < model.batch) yield { ...model, batch, samples: 2 * batch - (batch > 1 ? 1 : 0) };
  }
  const number = /\d+(?=[\],])/g;
  for (const [i, input] of model.inputs.entries()) {
    for (const { index, 0: size } of input.matchAll(number)) {
      for (const less of [1, 2, Number(size) - 1]) {
        if (less < 1 || less >= Number(size)) continue;
        const text = `${input.slice(0, index)}${less}${input.slice(index + size.length)}`;
        yield { ...model, inputs: model.inputs.map((old, k) => (k === i ? text : old)) };
      }
    }
  }
}

/** Without all, and without each. */
function* fewer<T>(parts: readonly T[]): Generator<readonly T[]> {
  if (parts.length > 1) yield [];
  for (const part of parts) yield parts.filter((other) => other !== part);
}

/** Without one step; with a block's body in its place; with one step made plainer. */
function* smallerBodies(steps: readonly Step[]): Generator<readonly Step[]> {
  for (const [i, step] of steps.entries()) {
    const replaced = (others: readonly Step[]): readonly Step[] => [
      ...steps.slice(0, i),
      ...others,
      ...steps.slice(i + 1),
    ];
    yield replaced([]);
    if (step.kind === "block") {
      yield replaced(step.body);
      for (const body of smallerBodies(step.body)) yield replaced([{ ...step, body }]);
    } else for (const text of fewerArguments(step.text)) yield replaced([line(text)]);
  }
}

/** `f(8, a = 1, b = 2)` without a, or without b; with smaller numbers. */
function* fewerArguments(text: string): Generator<string> {
  for (const { index, 0: part } of text.matchAll(/,? ?\w+ = (\[[^\]]*\]|[^,()[\]]+)/g)) {
    yield `${text.slice(0, index)}${text.slice(index + part.length)}`.replace("(, ", "(");
  }
  for (const { index, 0: part } of text.matchAll(/(?<![\w.])\d+(?![\w.])/g)) {
    for (const less of [1, 2, 4]) {
      if (less < Number(part)) yield `${text.slice(0, index)}${less}${text.slice(index + part.length)}`;
    }
  }
}
