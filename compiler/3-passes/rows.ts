/**
 * The optimizer as one loop. Updates that apply one formula to different tensors, element by element, become one kernel, for which
 * those tensors lie one behind the other: the parameters, each kind of state, the gradients.
 *
 *     for each tensor        for i in its elements: v[i] = μ v[i] + g[i];  p[i] = p[i] − lr v[i]
 *     for i in all elements: V[i] = μ V[i] + G[i];  P[i] = P[i] − lr V[i]
 */
import { type Module, sameShape, sizeOf, type Value } from "../ir/graph.ts";
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
    const found = isUpdate && formulaOf(group, plan, layouts);
    if (!found) continue;
    const key = `${depth} ${found.text}`;
    const places = found.operands.map((value) => tensorOf(value, plan) ?? value);
    updates.set(key, [...(updates.get(key) ?? []), { group, operands: found.operands, places }]);
  }
  return updates;
}

/** Null if an element of a result is computed from anything but numbers and the elements at the same place. */
function formulaOf(group: Group, plan: Schedule, layouts: Layouts): { text: string; operands: Value[] } | null {
  const { shape } = group.outputs[0].type;
  const operands: Value[] = [];
  const lines: string[] = [];
  const names = new Map<Value, string>();
  let elementwise = shape.length > 0;
  if (isLarge(group.outputs[0])) return null;
  const isRow = (value: Value) =>
    value.type.dtype === "f32" && sameShape(value.type.shape, shape) && layouts.nameOf(value) === "row";
  const nameOf = (value: Value): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const name = define(value);
    names.set(value, name);
    return name;
  };
  const define = (value: Value): string => {
    if (value.op === "const") return `${value.attrs.value}`;
    if (plan.reads.get(group)!.has(value)) {
      if (isRow(value)) return `[${operands.push(value)}]`;
      elementwise &&= sizeOf(value.type.shape, 2) === 1;
      return `@${value.id}`;
    }
    const repeatsNumber = value.op === "broadcast" && sizeOf(value.inputs[0].type.shape, 2) === 1;
    elementwise &&= repeatsNumber || opNamed(value.op).category === "elementwise";
    const attrs = repeatsNumber ? "" : JSON.stringify(value.attrs);
    return `%${lines.push(`${value.op}${attrs}(${value.inputs.map(nameOf)})`)}`;
  };
  for (const output of group.outputs) {
    elementwise &&= isRow(output);
    lines.push(`= ${nameOf(output)}`);
    operands.push(output);
  }
  return elementwise ? { text: lines.join("\n"), operands } : null;
}
