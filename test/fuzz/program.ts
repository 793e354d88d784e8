/** Random models as trees of steps, so that a failing one can be made smaller; and their text. */

/** A line of a body, or lines around another body. */
export type Step =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "block"; readonly open: string; readonly body: readonly Step[]; readonly close: string };

export interface RandomModel {
  /** `input x: f32[3, 5, 5]` */
  readonly inputs: readonly string[];
  readonly targets: readonly string[];
  /** Beside the model; those that nothing uses are left out. */
  readonly definitions: readonly string[];
  readonly net: readonly Step[];
  /** The end of the net, which gives the shapes that the losses need. */
  readonly head: readonly Step[];
  readonly loss: string;
  readonly metrics: readonly string[];
  readonly optimizer: string;
  /** `"*.bias": frozen` */
  readonly groups: readonly string[];
  /** Steps of the data clause. */
  readonly data: readonly string[];
  /** Of the train clause, beside the batch and two epochs. */
  readonly settings: readonly string[];
  readonly batch: number;
  /** Of the dataset: no multiple of the batch. */
  readonly samples: number;
  /** The inputs are bytes. */
  readonly bytes: boolean;
}

/** What a model has that is not about these parts: for tests that write one by hand. */
export const PLAIN = {
  targets: [],
  head: [],
  loss: "mean(net ^ 2)",
  metrics: [],
  groups: [],
  data: [],
  settings: [],
  batch: 2,
  samples: 3,
  bytes: false,
} as const;

export const line = (text: string): Step => ({ kind: "line", text });
export const block = (open: string, body: readonly Step[], close = "}"): Step => ({ kind: "block", open, body, close });

export function stepsText(steps: readonly Step[], indent: string): string {
  const text = (step: Step): string =>
    step.kind === "line"
      ? `${indent}${step.text}\n`
      : `${indent}${step.open}\n${stepsText(step.body, `${indent}  `)}${indent}${step.close}\n`;
  return steps.map(text).join("");
}

export function modelText(model: RandomModel): string {
  const { definitions, head, groups, data, settings, batch } = model;
  const shuffle = settings.some((setting) => setting.startsWith("shuffle")) ? [] : ["shuffle = false"];
  const clauses = [
    ...model.inputs,
    ...model.targets,
    `net {\n${stepsText([...model.net, ...head], "    ")}  }`,
    `loss ${model.loss}`,
    ...model.metrics.map((metric) => `metric ${metric}`),
    `optimizer ${model.optimizer}${inBraces(groups)}`,
    ...(data.length === 0 ? [] : [`data npy("arrays")${inBraces(data)}`]),
    `train { ${[`epochs = 2`, `batch = ${batch}`, ...shuffle, ...settings].join(", ")} }`,
  ];
  return withDefinitions(`model random {\n${clauses.map((clause) => `  ${clause}\n`).join("")}}\n`, definitions);
}

const inBraces = (lines: readonly string[]): string =>
  lines.length === 0 ? "" : ` {\n${lines.map((text) => `    ${text}\n`).join("")}  }`;

/** The text with those of the definitions that it uses, or that these use. */
export function withDefinitions(text: string, definitions: readonly string[]): string {
  const nameOf = (definition: string): string => /^\w+ (\w+)/.exec(definition)![1];
  const used = definitions.find((definition) => new RegExp(`\\b${nameOf(definition)}\\b`).test(text));
  if (used === undefined) return text;
  return withDefinitions(
    `${text}\n${used}`,
    definitions.filter((definition) => definition !== used),
  );
}
