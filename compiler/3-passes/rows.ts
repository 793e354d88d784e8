/**
 * The optimizer as one loop. Updates that apply one formula to different tensors, element by element, become one kernel, for which
 * those tensors lie one behind the other: the parameters, each kind of state, the gradients.
 *
 *     for each tensor        for i in its elements: v[i] = μ v[i] + g[i];  p[i] = p[i] − lr v[i]
 *     for i in all elements: V[i] = μ V[i] + G[i];  P[i] = P[i] − lr V[i]
 */
import { type Module, type Shape, sameShape, sizeOf, type Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import type { Group } from "./fuse.ts";
import { isLeaf } from "./inline.ts";
import type { Layouts } from "./layout.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { isLarge } from "./updates.ts";

/** Joins the updates of each program. A tensor lies in one row alone, whichever programs update it. */
export function joinUpdates(plans: readonly Schedule[], { tensors }: Module, layouts: Layouts): Schedule[] {
  const order = new Map(tensors.map(({ name }, i) => [name, i]));
  const rows = new Rows();
  return plans.map((plan) => {
    const targetOf = ({ group }: Update) => order.get(plan.inPlace.get(group.outputs[0])!)!;
    const joined = [...alike(plan, layouts).values()]
      .map((updates) => rows.place([...updates].sort((a, b) => targetOf(a) - targetOf(b))))
      .filter((updates) => updates.length > 1)
      .map(join);
    return joined.length > 0 ? rescheduled(plan, joined) : plan;
  });
}

/** A tensor of the module, by its name, or a value in the program's own memory. */
type Place = string | Value;

interface Update {
  readonly group: Group;
  /** What it writes, and what it reads at the same index. */
  readonly operands: readonly Value[];
  /** Where they lie. */
  readonly places: readonly Place[];
}

function join(updates: readonly Update[]): Group {
  const outputs = updates.flatMap(({ group }) => group.outputs);
  const rows = updates[0].operands.map((_, i) => updates.map(({ operands }) => operands[i]));
  return { ...updates[0].group, outputs, rows, reason: `updates of ${outputs.length} tensors` };
}

class Rows {
  private readonly known = new Map<Place, string>();

  /** Puts the operands of updates by one formula into rows: of all that can be, as a place is in one row alone. */
  place(updates: readonly Update[]): readonly Update[] {
    const apart = withoutSharing(updates);
    const free = apart.filter(({ places }) => !places.some((place) => this.known.has(place)));
    return [apart, free].find((some) => this.fit(some)) ?? [];
  }

  private fit(updates: readonly Update[]): boolean {
    if (updates.length < 2) return false;
    const added = new Map<Place, string>();
    for (let i = 0; i < updates[0].places.length; i++) {
      const row = updates.map(({ places }) => places[i]);
      const name = row.map((place) => (typeof place === "string" ? place : place.id)).join();
      if (new Set(row.map((place) => typeof place)).size > 1) return false;
      if (row.some((place) => (added.get(place) ?? this.known.get(place) ?? name) !== name)) return false;
      for (const place of row) added.set(place, name);
    }
    for (const [place, name] of added) this.known.set(place, name);
    return true;
  }
}

/** Of updates that read the same, the first. */
function withoutSharing(updates: readonly Update[]): Update[] {
  const taken = new Set<Place>();
  return updates.filter(({ places }) => {
    const isFree = places.every((place) => !taken.has(place));
    for (const place of places) taken.add(place);
    return isFree;
  });
}

/** The tensor of the module in whose memory a value lies. */
export function tensorOf(value: Value, { inPlace }: Pick<Schedule, "inPlace">): string | undefined {
  return isLeaf(value) ? (value.attrs.name as string) : inPlace.get(value);
}

function rescheduled(plan: Schedule, joined: readonly Group[]): Schedule {
  const storedBy = new Map(plan.storedBy);
  for (const group of joined) for (const output of group.outputs) storedBy.set(output, group);
  const left = plan.groups.filter((group) => storedBy.get(group.outputs[0]) === group);
  return schedule({ program: plan.program, groups: [...left, ...joined], storedBy });
}

/** The updates by their formulas; of those that share one, none waits for another. */
function alike(plan: Schedule, layouts: Layouts): Map<string, Update[]> {
  const updates = new Map<string, Update[]>();
  const depths = new Map<Group, number>();
  for (const group of plan.groups) {
    const isUpdate = group.anchor === null && group.outputs.every((output) => plan.inPlace.has(output));
    const earlier = [...plan.before.get(group)!].map((other) => depths.get(other)!);
    const depth = Math.max(0, ...earlier);
    depths.set(group, depth + (isUpdate ? 1 : 0));
    if (!isUpdate || isLarge(group.outputs[0])) continue;
    const { text, operands, isElementwise } = new Formula(group, plan.reads.get(group)!, layouts);
    if (!isElementwise) continue;
    const key = `${depth} ${text}`;
    const places = operands.map((value) => tensorOf(value, plan) ?? value);
    updates.set(key, [...(updates.get(key) ?? []), { group, operands, places }]);
  }
  return updates;
}

/** What an update computes, whatever the tensors are called and however large they are. */
class Formula {
  /** What is read at the index of the result, and the results. */
  readonly operands: Value[] = [];
  /** Whether each element is computed from those at its own place, and from numbers. */
  isElementwise: boolean;
  private readonly lines: string[] = [];
  private readonly names = new Map<Value, string>();

  constructor(
    { outputs }: Group,
    private readonly reads: ReadonlySet<Value>,
    private readonly layouts: Layouts,
  ) {
    const { shape } = outputs[0].type;
    this.isElementwise = shape.length > 0 && outputs.every((output) => this.isInRow(output, shape));
    for (const output of outputs) {
      this.lines.push(`= ${this.name(output, shape)}`);
      this.operands.push(output);
    }
  }

  get text(): string {
    return this.lines.join("\n");
  }

  private isInRow(value: Value, shape: Shape): boolean {
    const { dtype } = value.type;
    return dtype === "f32" && sameShape(value.type.shape, shape) && this.layouts.nameOf(value) === "row";
  }

  private name(value: Value, shape: Shape): string {
    const known = this.names.get(value);
    if (known !== undefined) return known;
    const name = this.define(value, shape);
    this.names.set(value, name);
    return name;
  }

  private define(value: Value, shape: Shape): string {
    const { op, attrs, inputs } = value;
    if (op === "const") return `${attrs.value}`;
    if (this.reads.has(value)) {
      if (this.isInRow(value, shape)) return `[${this.operands.push(value)}]`;
      this.isElementwise &&= isNumber(value);
      return `@${value.id}`;
    }
    const repeatsNumber = op === "broadcast" && isNumber(inputs[0]);
    this.isElementwise &&= repeatsNumber || opNamed(op).category === "elementwise";
    const operands = inputs.map((input) => this.name(input, shape));
    return `%${this.lines.push(`${op}${repeatsNumber ? "" : JSON.stringify(attrs)}(${operands})`)}`;
  }
}

const isNumber = ({ type }: Value): boolean => !type.shape.includes("n") && sizeOf(type.shape, 1) === 1;
