/**
 * Depth-first execution: kernels that keep samples apart run one after another for a few samples at a time, while the data are
 * in the cache, and only then for the next ones.
 *
 *     for each team of samples (shared out among threads)
 *       for each part, for a few samples of the team at a time
 *         kernel, kernel, …
 *
 * Sums over samples are added up by each team on its own and then over the teams, in order: the number of teams depends on the
 * batch alone, so the bits do not depend on the number of threads.
 */
import { sizeOf, type Value } from "../ir/graph.ts";
import { layoutNamed } from "../ir/layout.ts";
import { countTeams, samplesOfTeam, type Teams, teamsOf } from "../ir/teams.ts";
import { opNamed } from "../ops/index.ts";
import type { Target } from "../target.ts";
import { type Group, isOwn } from "./fuse.ts";
import { isHost } from "./host.ts";
import { isLeaf } from "./inline.ts";
import type { Layouts } from "./layout.ts";
import { acrossSamples, samplesAxis } from "./samples.ts";
import type { Schedule } from "./schedule.ts";

/** Kernels that run together for `samples` at a time. */
export interface Part {
  readonly samples: number;
  readonly groups: readonly Group[];
}

export interface Region {
  readonly teams: Teams;
  /** How many there are in a full batch. */
  readonly count: number;
  readonly parts: readonly Part[];
  /** Added up by each team: what must be totalled afterwards. */
  readonly sums: readonly Value[];
}

export type Step =
  | { readonly kind: "group"; readonly group: Group }
  | { readonly kind: "region"; readonly region: Region }
  /** A sum over samples, from those of the teams. */
  | { readonly kind: "total"; readonly value: Value; readonly region: Region };

/** For how many samples a value has memory: those of the batch, of a team, or of a part; `sum`: one for each team, until it is totalled. */
export type Storage = "batch" | "team" | "part" | "sum";

export interface Blocked extends Schedule {
  readonly steps: readonly Step[];
  storageOf(value: Value): Storage;
  /** The most samples of a value as it is stored. */
  samplesOf(value: Value): number;
}

export interface BlockOptions {
  readonly batch: number;
  readonly target: Target;
  readonly layouts: Layouts;
}

/** What a kernel of a part touches should fit into three quarters of a core's second-level cache of 1 MiB. */
const CACHE_BYTES = 768 * 1024;
/** The same where hardware fetches what is touched beforehand. */
const FORESEEN_BYTES = 2 * CACHE_BYTES;
/** Below this many bytes of values that need not be stored for the whole batch, blocks gain nothing. */
const LEAST_BYTES = 1024 * 1024;

/** Whether a sum over samples is worth adding up team by team: if its copies are smaller than the operands kept till the end. */
export function addsUpInTeams(value: Value, { batch, target }: Pick<BlockOptions, "batch" | "target">): boolean {
  if (target.blocks === "never" || value.type.dtype !== "f32" || acrossSamples(value) !== "summed") return false;
  const operands = value.inputs.reduce((sum, input) => sum + sizeOf(input.type.shape, batch), 0);
  return countTeams(teamsOf(batch), batch) * sizeOf(value.type.shape, batch) <= operands;
}

type Kind = "apart" | "sum" | "whole";

export function planBlocks(schedule: Schedule, options: BlockOptions): Blocked {
  if (options.target.blocks === "never") return whole(schedule, options.batch);
  return new Blocking(schedule, options).run();
}

function whole(schedule: Schedule, batch: number): Blocked {
  const steps = schedule.groups.map((group): Step => ({ kind: "group", group }));
  return { ...schedule, steps, storageOf: () => "batch", samplesOf: () => batch };
}

class Blocking {
  private readonly kinds = new Map<Group, Kind>();
  /** Regions have odd numbers; what runs for the whole batch at once between them, even ones. */
  private readonly stages = new Map<Group, number>();
  private readonly storage = new Map<Value, Storage>();
  private readonly samples = new Map<Value, number>();

  /** The groups that must run after a group. */
  private readonly after = new Map<Group, Group[]>();

  constructor(
    private readonly plan: Schedule,
    private readonly options: BlockOptions,
  ) {
    for (const [group, earlier] of plan.before) {
      for (const other of earlier) this.after.set(other, [...(this.after.get(other) ?? []), group]);
    }
  }

  run(): Blocked {
    for (const group of this.plan.groups) {
      this.kinds.set(group, this.kindOf(group));
      this.stages.set(group, this.stageOf(group));
    }
    for (const group of [...this.plan.groups].reverse()) this.sink(group);
    const stages = [...new Set(this.stages.values())].sort((a, b) => a - b);
    const steps = stages.flatMap((stage) => this.stepsOf(stage));
    return {
      ...this.plan,
      groups: steps.flatMap(groupsOf),
      steps,
      storageOf: (value) => this.storage.get(value) ?? "batch",
      samplesOf: (value) => this.samples.get(value) ?? this.options.batch,
    };
  }

  private kindOf(group: Group): Kind {
    const { outputs, anchor, also } = group;
    if (outputs.some((output) => this.plan.inPlace.has(output))) return "whole";
    const summed = anchor !== null && acrossSamples(anchor) === "summed";
    if ([...this.plan.reads.get(group)!].some((value) => this.areSplit(value))) return "whole";
    const computed = this.computedBy(group).filter((value) => !summed || (value !== anchor && value !== also));
    if (computed.some((value) => acrossSamples(value) !== "apart")) return "whole";
    const added = (value: Value) => (value === anchor || value === also) && addsUpInTeams(value, this.options);
    if (summed) return outputs.every(added) ? "sum" : "whole";
    return outputs.every((output) => this.canBeCut(output)) ? "apart" : "whole";
  }

  /**
   * Whether the samples of a stored value lie one after another. Where they are columns, kernels write all columns that there may
   * be, though there are fewer samples: those must not be the columns of other teams, or the beginning of the next row.
   */
  private canBeCut(value: Value): boolean {
    const { batch } = this.options;
    const axis = samplesAxis(value);
    if (axis < 0 || this.layoutOf(value, batch).panel !== 0 || this.areSplit(value)) return false;
    const { unit } = teamsOf(batch);
    const areColumns = axis > 0 && axis === value.type.shape.length - 1;
    return !areColumns || (batch % unit === 0 && Number.isInteger(Math.log2(unit)));
  }

  /** Whether the samples are the columns of panels: where one of them lies is not linear in its number. */
  private areSplit(value: Value): boolean {
    const axis = samplesAxis(value);
    const { dims } = this.layoutOf(value, this.options.batch);
    return axis >= 0 && dims.filter((dim) => dim.axis === axis).length > 1;
  }

  private layoutOf(value: Value, samples: number) {
    return layoutNamed(this.options.layouts.nameOf(value), value.type.shape, samples);
  }

  /** The values that a group computes, stored or not. */
  private computedBy(group: Group): Value[] {
    const computed = new Set<Value>();
    const visit = (value: Value) => {
      const own = isOwn(group, value);
      if (computed.has(value) || (!own && this.isRead(value))) return;
      computed.add(value);
      value.inputs.forEach(visit);
    };
    group.outputs.forEach(visit);
    return [...computed];
  }

  private isRead(value: Value): boolean {
    return isLeaf(value) || isHost(value) || this.plan.storedBy.has(value);
  }

  private stageOf(group: Group): number {
    const region = this.kinds.get(group) !== "whole";
    let stage = region ? 1 : 0;
    for (const earlier of this.plan.before.get(group)!) {
      const at = this.stages.get(earlier)!;
      const kind = this.kinds.get(earlier)!;
      if (region) stage = Math.max(stage, kind === "apart" ? at : kind === "sum" ? at + 2 : at + 1);
      else stage = Math.max(stage, kind === "whole" ? at : at + 1);
    }
    return stage;
  }

  /** What is larger than its operands is made in the last region that still is in time for its readers. */
  private sink(group: Group): void {
    if (this.kinds.get(group) !== "apart") return;
    const bytes = (values: Iterable<Value>) =>
      [...values].reduce((sum, value) => sum + (samplesAxis(value) >= 0 ? this.bytesOfSample(value) : 0), 0);
    if (bytes(group.outputs) <= bytes(this.plan.reads.get(group)!)) return;
    const limits = (this.after.get(group) ?? []).map((later) => {
      const stage = this.stages.get(later)!;
      return this.kinds.get(later) === "whole" ? stage - 1 : stage;
    });
    if (limits.length > 0) this.stages.set(group, Math.max(this.stages.get(group)!, Math.min(...limits)));
  }

  private stepsOf(stage: number): Step[] {
    const groups = this.plan.groups.filter((group) => this.stages.get(group) === stage);
    if (stage % 2 === 0 || !this.isWorthwhile(groups)) return groups.map((group) => ({ kind: "group", group }));
    const { batch } = this.options;
    const teams = teamsOf(batch);
    const parts = this.cut(this.depthFirst(groups), teams);
    const sums = groups.flatMap((group) => (this.kinds.get(group) === "sum" ? group.outputs : []));
    const region: Region = { teams, count: countTeams(teams, batch), parts, sums };
    this.place(region);
    return [{ kind: "region", region }, ...sums.map((value): Step => ({ kind: "total", value, region }))];
  }

  private isWorthwhile(groups: readonly Group[]): boolean {
    if (groups.length < 2) return false;
    if (this.options.target.blocks === "always") return true;
    const outputs = groups.flatMap((group) => group.outputs).filter((value) => samplesAxis(value) >= 0);
    const inner = outputs.filter((value) =>
      this.readers(value).some((reader) => reader !== null && groups.includes(reader)),
    );
    return inner.reduce((sum, value) => sum + this.bytesOfSample(value), 0) * this.options.batch >= LEAST_BYTES;
  }

  private readers(value: Value): readonly (Group | null)[] {
    return this.plan.readers.get(value) ?? [];
  }

  private bytesOfSample(value: Value): number {
    return (this.layoutOf(value, this.options.batch).elements / this.options.batch) * 4;
  }

  /** The same groups, sums over samples as soon as their operands are there. */
  private depthFirst(groups: readonly Group[]): Group[] {
    const order: Group[] = [];
    const left = new Set(groups);
    const ready = (group: Group) => [...this.plan.before.get(group)!].every((earlier) => !left.has(earlier));
    while (left.size > 0) {
      const able = [...left].filter(ready);
      const next = able.find((group) => this.kinds.get(group) === "sum") ?? able[0];
      order.push(next);
      left.delete(next);
    }
    return order;
  }

  /** Parts of neighbours that fit into the cache for about as many samples; those that run as fast for fewer go along. */
  private cut(groups: readonly Group[], teams: Teams): Part[] {
    const parts: { samples: number; groups: Group[] }[] = [];
    for (const group of groups) {
      const fits = this.samplesThatFit(group, teams);
      const last = parts[parts.length - 1];
      if (last && fits < last.samples && last.groups.every(isLight)) last.samples = fits;
      if (last && last.samples <= fits && (fits <= 2 * last.samples || isLight(group))) last.groups.push(group);
      else parts.push({ samples: fits, groups: [group] });
    }
    return parts;
  }

  private samplesThatFit(group: Group, teams: Teams): number {
    const touched = [...new Set([...this.plan.reads.get(group)!, ...group.outputs])];
    const ofSamples = touched.filter((value) => samplesAxis(value) >= 0);
    const bytes = ofSamples.reduce((sum, value) => sum + this.bytesOfSample(value), 0);
    // All columns are written that there may be: a part with fewer of them is the last one.
    const columns = group.outputs.some((value) => samplesAxis(value) > 0);
    const most = columns ? teams.unit : samplesOfTeam(teams);
    const samples = Math.min(most, Math.max(1, this.bytesOfPart(group) / bytes));
    return 2 ** Math.floor(Math.log2(samples));
  }

  /**
   * How much of its samples a kernel may touch at a time. A sum over them reads its operands from end to end, which hardware
   * foresees: more than the cache holds, and at least as much as it takes to read and write the sums each time.
   */
  private bytesOfPart(group: Group): number {
    if (this.kinds.get(group) !== "sum") return CACHE_BYTES;
    const sums = group.outputs.reduce((sum, value) => sum + 4 * sizeOf(value.type.shape, this.options.batch), 0);
    return Math.max(FORESEEN_BYTES, 2 * sums);
  }

  /** Each value has memory for as few samples as its readers allow. */
  private place(region: Region): void {
    const all = region.parts.flatMap((part) => part.groups);
    for (const part of region.parts) {
      for (const value of part.groups.flatMap((group) => group.outputs)) {
        if (samplesAxis(value) < 0) {
          this.storage.set(value, "sum");
          continue;
        }
        const readers = this.readers(value);
        if (readers.some((reader) => reader === null || !all.includes(reader))) continue;
        const within = readers.every((reader) => part.groups.includes(reader!));
        this.storage.set(value, within ? "part" : "team");
        this.samples.set(value, within ? part.samples : samplesOfTeam(region.teams));
      }
    }
  }
}

/** Whether a kernel's work is that of each sample: it reads no weights. */
const isLight = ({ anchor }: Group): boolean => anchor === null || opNamed(anchor.op).category === "reduce";

function groupsOf(step: Step): readonly Group[] {
  if (step.kind === "group") return [step.group];
  return step.kind === "region" ? step.region.parts.flatMap((part) => part.groups) : [];
}
