/** Writes every kernel of a program, in the order in which they run. */
import type { Blocked, Region } from "../3-passes/blocks.ts";
import type { Group } from "../3-passes/fuse.ts";
import type { Value } from "../ir/graph.ts";
import { type Lowered, type LowerOptions, lowerCopy, lowerTotal } from "./lower.ts";
import type { LowerOnce } from "./lower-once.ts";

export interface LoweredCall {
  readonly lowered: Lowered;
  /** What it makes: the first of the group's outputs. */
  readonly output: Value;
  readonly group: Group;
}

export interface LoweredRegion {
  readonly region: Region;
  readonly parts: readonly { readonly samples: number; readonly calls: readonly LoweredCall[] }[];
}

export type LoweredStep = LoweredCall | LoweredRegion;

export interface LoweredProgram {
  readonly plan: Blocked;
  readonly steps: readonly LoweredStep[];
}

export const isRegion = (step: LoweredStep): step is LoweredRegion => "parts" in step;

/** Every call, in the order in which they are first run. */
export function callsOf({ steps }: LoweredProgram): LoweredCall[] {
  return steps.flatMap((step) => (isRegion(step) ? step.parts.flatMap((part) => part.calls) : [step]));
}

export function lowerProgram(plan: Blocked, options: LowerOptions, once: LowerOnce): LoweredProgram {
  const call = (group: Group, part?: number): LoweredCall => {
    return { lowered: once.lower(group, plan, part), output: group.outputs[0], group };
  };
  const alone = (value: Value, lowered: Lowered, reason: string): LoweredCall => {
    return { lowered, output: value, group: { anchor: null, outputs: [value], inside: new Set(), reason } };
  };
  const steps = plan.steps.map((step): LoweredStep => {
    if (step.kind === "group") return call(step.group);
    if (step.kind === "total") {
      return alone(step.value, lowerTotal(step.value, step.region.samples, plan, options), "total of the teams");
    }
    const parts = step.region.parts.map(({ samples, groups }) => ({
      samples,
      calls: groups.map((group) => call(group, samples)),
    }));
    return { region: step.region, parts };
  });
  const copies = plan.copies.map(({ value, target }) => alone(value, lowerCopy(value, target, plan, options), "copy"));
  return { plan, steps: [...steps, ...copies] };
}
