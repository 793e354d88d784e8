/** What a run reports, as `--log` and `--json` write it: one JSON object a line. */

export type TrainEvent =
  | {
      readonly event: "step";
      readonly step: number;
      readonly epoch: number;
      readonly loss: number;
      readonly lr: number | null;
      readonly n: number;
      /** Milliseconds since the step before. */
      readonly ms: number;
    }
  | {
      readonly event: "epoch";
      readonly epoch: number;
      readonly loss_sum: number;
      readonly loss_mean: number;
      readonly seconds: number;
    }
  | {
      readonly event: "eval";
      readonly epoch: number;
      readonly loss: number;
      readonly n: number;
      readonly [metric: string]: number | string | readonly unknown[];
    };

/** JSON has no NaN and no infinities: they become null, and `nonfinite` says what the first was. */
export function jsonLine(event: object): string {
  let nonfinite: string | undefined;
  const text = JSON.stringify(event, (_, value) => {
    if (typeof value !== "number" || Number.isFinite(value)) return value;
    nonfinite ??= String(value);
    return null;
  });
  return `${nonfinite === undefined ? text : `${text.slice(0, -1)},"nonfinite":"${nonfinite}"}`}\n`;
}
