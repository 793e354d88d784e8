/** Random models as trees of steps, so that a failing one can be made smaller; and their text. */

/** A line of a body, or lines around another body. */
export type Step =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "block"; readonly open: string; readonly body: readonly Step[]; readonly close: string };

export interface RandomModel {
  /** `input x: f32[3, 5, 5]` */
  readonly inputs: readonly string[];
  readonly target: string;
  /** Definitions beside the model. */
  readonly definitions: readonly string[];
  readonly net: readonly Step[];
  /** The end of the net, which gives the shape that the loss needs. */
  readonly head: readonly Step[];
  readonly loss: string;
  readonly metrics: readonly string[];
  readonly optimizer: string;
  readonly batch: number;
  /** Of the dataset: no multiple of the batch. */
  readonly samples: number;
}

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
  const { inputs, target, definitions, net, head, loss, metrics, optimizer, batch } = model;
  const clauses = [
    ...inputs,
    ...(target === "" ? [] : [target]),
    `net {\n${stepsText([...net, ...head], "    ")}  }`,
    `loss ${loss}`,
    ...metrics.map((metric) => `metric ${metric}`),
    `optimizer ${optimizer}`,
    `train { epochs = 2, batch = ${batch}, shuffle = false }`,
  ];
  return [`model random {\n${clauses.map((clause) => `  ${clause}\n`).join("")}}\n`, ...definitions].join("\n");
}
