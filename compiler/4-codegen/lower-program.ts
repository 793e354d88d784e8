/** Writes every kernel of a program, in the order in which they run. */
import type { Blocked, Region } from "../3-passes/blocks.ts";
import type { Group } from "../3-passes/fuse.ts";
import { samplesAxis } from "../3-passes/samples.ts";
import type { Value } from "../ir/graph.ts";
import { type Lowered, type LowerOptions, lowerCopy, lowerPrefetch, lowerRows, lowerTotal } from "./lower.ts";
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
    const lowered = group.rows ? lowerRows(group, plan, options) : once.lower(group, plan, part);
    return { lowered, output: group.outputs[0], group };
  };
  const alone = (value: Value, lowered: Lowered, reason: string): LoweredCall => {
    return { lowered, output: value, group: { anchor: null, outputs: [value], inside: new Set(), reason } };
  };
  const prefetchOf = (value: Value, part: number): LoweredCall => {
    const group: Group = { anchor: null, outputs: [], inside: new Set(), reason: "to be read patch by patch" };
    return { lowered: lowerPrefetch(value, part, plan, options), output: value, group };
  };
  const steps = plan.steps.map((step): LoweredStep => {
    if (step.kind === "group") return call(step.group);
    if (step.kind === "total") {
      return alone(step.value, lowerTotal(step.value, step.region.teams, plan, options), "total of the teams");
    }
    const parts = step.region.parts.map(({ samples, groups }) => ({
      samples,
      calls: groups.flatMap((group, i) => [
        ...toPrefetch(group, groups.slice(0, i), plan).map((value) => prefetchOf(value, samples)),
        call(group, samples),
      ]),
    }));
    return { region: step.region, parts };
  });
  const copies = plan.copies.map(({ value, target }) => alone(value, lowerCopy(value, target, plan, options), "copy"));
  return { plan, steps: [...steps, ...copies] };
}

/** What a kernel reads in patches, or with steps, that no kernel before it in the part has left in the cache. */
function toPrefetch(group: Group, before: readonly Group[], plan: Blocked): Value[] {
  const maps = [...plan.reads.get(group)!].filter((value) => samplesAxis(value) === 0 && value.type.dtype === "f32");
  if (!readsPatches(group, maps)) return [];
  const touched = new Set(before.flatMap((other) => [...other.outputs, ...plan.reads.get(other)!]));
  return maps.filter((value) => plan.storageOf(value) !== "part" && !touched.has(value));
}

function readsPatches({ anchor }: Group, maps: readonly Value[]): boolean {
  switch (anchor?.op) {
    case "tile":
    case "conv2d_grad_weight":
      return true;
    case "conv2d":
    case "conv2d_grad_input":
      // What follows in registers reads a few pixels of each map at a time.
      return isStridedGradient(anchor) || maps.some((value) => !anchor.inputs.includes(value));
    default:
      return false;
  }
}

const isStridedGradient = ({ op, attrs }: Value): boolean =>
  op === "conv2d_grad_input" && (attrs.stride as number[]).some((step) => step > 1);
