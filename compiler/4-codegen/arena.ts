/** Which values need memory, for how long, and where in the arena they lie. */
import type { Blocked } from "../3-passes/blocks.ts";
import { isLeaf } from "../3-passes/inline.ts";
import type { Layouts } from "../3-passes/layout.ts";
import { type Interval, inRow, planArena, room } from "../3-passes/memory.ts";
import { tensorOf } from "../3-passes/rows.ts";
import type { Value } from "../ir/graph.ts";
import { type Layout, layoutNamed } from "../ir/layout.ts";
import type { Target } from "../target.ts";
import type { Source } from "./lower.ts";
import { isRegion, type LoweredProgram, type LoweredRegion } from "./lower-program.ts";
import { elemOf } from "./scope.ts";

/** What lies in an arena: values, the sums of the teams of samples that one is the total of, or a call's common memory. */
export type Tenant = Value | Row | Source | string;

/** Values that lie one behind the other. */
export interface Row {
  readonly kind: "row";
  readonly values: readonly Value[];
  readonly offsets: readonly number[];
  readonly bytes: number;
}

export interface Arena {
  readonly bytes: number;
  readonly offsets: ReadonlyMap<Tenant, number>;
  readonly intervals: ReadonlyMap<Tenant, Interval>;
}

/** The key under which the sums of the teams lie in the arena of a program. */
export const sumsOf = (value: Value): string => `sums of ${value.id}`;

export class Sizes {
  constructor(
    private readonly layouts: Layouts,
    private readonly target: Target,
  ) {}

  layout(plan: Blocked, value: Value): Layout {
    return layoutNamed(this.layouts.nameOf(value), value.type.shape, plan.samplesOf(value));
  }

  element(value: Value): number {
    return { f32: this.target.floatBytes, i32: 4, u8: 1 }[elemOf(value)];
  }

  bytes(plan: Blocked, value: Value): number {
    return this.layout(plan, value).elements * this.element(value);
  }

  /** From one sample to the next; 0 for what all samples share. */
  sample(plan: Blocked, value: Value): number {
    const axis = value.type.shape.indexOf("n");
    const dim = this.layout(plan, value).dims.find((d) => d.axis === axis);
    return dim ? dim.stride * this.element(value) : 0;
  }

  float(): number {
    return this.target.floatBytes;
  }
}

class Intervals {
  private readonly all = new Map<Tenant, { bytes: number; from: number; to: number }>();

  use(tenant: Tenant, bytes: number, from: number, to: number): void {
    const interval = this.all.get(tenant) ?? { bytes: room(bytes), from, to };
    interval.to = Math.max(interval.to, to);
    this.all.set(tenant, interval);
  }

  plan(): Arena {
    const planned = planArena([...this.all.values()]);
    const offsets = new Map<Tenant, number>();
    [...this.all.keys()].forEach((tenant, i) => {
      const offset = planned.offsets[i];
      offsets.set(tenant, offset);
      if (isRow(tenant)) tenant.values.forEach((value, j) => offsets.set(value, offset + tenant.offsets[j]));
    });
    return { bytes: planned.bytes, offsets, intervals: this.all };
  }
}

const isRow = (tenant: Tenant): tenant is Row => typeof tenant !== "string" && "values" in tenant;

/** The rows of the program's own values, by each of their values. */
function rowsOf(plan: Blocked, sizes: Sizes): Map<Value, Row> {
  const rows = plan.groups
    .flatMap((group) => group.rows ?? [])
    .filter(([first]) => tensorOf(first, plan) === undefined)
    .map((values): Row => ({ kind: "row", values, ...inRow(values.map((value) => sizes.bytes(plan, value))) }));
  return new Map(rows.flatMap((row) => row.values.map((value) => [value, row])));
}

/** What is stored for the whole batch: from the step that makes it to the last one that reads it; results, to the end. */
export function planProgram({ plan, steps }: LoweredProgram, sizes: Sizes): Arena {
  const intervals = new Intervals();
  const rows = rowsOf(plan, sizes);
  const use = (value: Value, step: number) => {
    const row = rows.get(value);
    if (row) intervals.use(row, row.bytes, step, step);
    else intervals.use(value, sizes.bytes(plan, value), step, step);
  };
  const useSums = (value: Value, teams: number, step: number) =>
    intervals.use(sumsOf(value), teams * sizes.bytes(plan, value), step, step);
  const stored = (source: Source): source is Source & { kind: "value" } =>
    source.kind === "value" && tensorOf(source.value, plan) === undefined;
  let teams = 0;
  steps.forEach((step, at) => {
    if (isRegion(step)) {
      teams = step.region.count;
      for (const value of step.region.sums) useSums(value, teams, at);
      for (const source of sourcesOf(step)) {
        if (stored(source) && !isInside(plan, step, source.value)) use(source.value, at);
      }
      return;
    }
    for (const source of step.lowered.sources) {
      if (source.kind === "sums") useSums(source.value, teams, at);
      if (stored(source)) use(source.value, at);
    }
  });
  for (const { value } of plan.program.results) {
    if (tensorOf(value, plan) === undefined) use(value, steps.length);
  }
  return intervals.plan();
}

/** Whether only the region itself knows the value: for a few samples, or as sums of its teams. */
function isInside(plan: Blocked, { region }: LoweredRegion, value: Value): boolean {
  const storage = plan.storageOf(value);
  return storage === "sum" ? region.sums.includes(value) : storage !== "batch";
}

const sourcesOf = (region: LoweredRegion): Source[] =>
  region.parts.flatMap((part) => part.calls).flatMap(({ lowered }) => [...lowered.sources]);

/** What a thread stores for the samples of one team: within a part, or from the part that makes it to the last that reads it. */
export function planRegion(region: LoweredRegion, plan: Blocked, sizes: Sizes): Arena {
  const intervals = new Intervals();
  let at = 0;
  for (const { calls } of region.parts) {
    const [first, last] = [at, at + calls.length - 1];
    for (const { lowered } of calls) {
      for (const source of lowered.sources) {
        if (source.kind === "common") intervals.use(source, source.elements * sizes.float(), at, at);
        if (source.kind !== "value" || isLeaf(source.value)) continue;
        const storage = plan.storageOf(source.value);
        const bytes = sizes.bytes(plan, source.value);
        if (storage === "team") intervals.use(source.value, bytes, first, last);
        if (storage === "part") intervals.use(source.value, bytes, at, at);
      }
      at++;
    }
  }
  return intervals.plan();
}
