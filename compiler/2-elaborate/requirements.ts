/** What programs ask of the number of samples in a batch; those that refuse the model's own batches are warned about. */
import type { Diagnostic } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { evaluate } from "../ir/interpret.ts";
import type { Requirement } from "./context.ts";
import type { ModelPass } from "./programs.ts";

export interface ProgramRequirement extends Requirement {
  readonly program: string;
}

export function programRequirements(training: ModelPass, evaluation: ModelPass): ProgramRequirement[] {
  const of = (program: string, requirements: readonly Requirement[]) =>
    requirements.map((requirement) => ({ program, ...requirement }));
  return [
    ...of("train_step", training.ofLoss),
    ...of("evaluate", evaluation.ctx.requirements),
    ...of("forward", evaluation.ofNet),
  ];
}

const USES: Readonly<Record<string, string>> = {
  train_step: "trained on",
  evaluate: "evaluated",
  forward: "predicted",
};

/** A warning for each that the model's own batches do not fulfil. */
export function refusals(requirements: readonly ProgramRequirement[], batch: number): Diagnostic[] {
  const env = { host: {}, n: batch, seed: 0, step: 0, tensors: new Map(), inputs: new Map() };
  const holds = ({ condition }: Requirement) => evaluate([condition], env).get(condition)!.data[0] !== 0;
  return requirements
    .filter((requirement) => !holds(requirement))
    .map(({ program, message, cure, span }) =>
      errors.batchRefused({ batch, use: USES[program], message }, span, { help: cure }),
    );
}
