/** The updates of a program, as fusion sees them: of a parameter, of its optimizer state, of its average. */
import { isTensorKind, type Program, roots, sameShape, sizeOf, type Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import type { Group } from "./fuse.ts";

/**
 * Whether a tensor is updated on its own. One call more is nothing to large ones, and their gradients would wait for all others
 * in memory.
 */
export const isLarge = ({ type }: Value): boolean => 4 * sizeOf(type.shape, 1) > 1024 * 1024;

/** New values of a parameter and of its optimizer state that share operands are computed by one kernel. */
export function mergeUpdates(program: Program, groups: readonly Group[], indexOf: (value: Value) => number): Group[] {
  const updates = new Set(program.updates.map((u) => u.value));
  const stored = new Set(groups.flatMap((g) => g.outputs));
  const merged: Group[] = [];
  const byLeaf = new Map<string, Group>();
  for (const group of [...groups].sort((a, c) => indexOf(a.outputs[0]) - indexOf(c.outputs[0]))) {
    const value = group.outputs[0];
    const param = group.anchor === null && updates.has(value) ? updatedTensor(program, value) : undefined;
    const host = param && byLeaf.get(param);
    if (host && canJoin(host, value, stored, indexOf)) host.outputs.push(value);
    else {
      merged.push(group);
      if (param) byLeaf.set(param, group);
    }
  }
  return merged;
}

/**
 * What updates compute element by element: from the tensors that the program updates, as weight decay is, and what nothing else
 * reads, as clipped gradients.
 */
export function computedByUpdates(
  program: Program,
  order: readonly Value[],
  usersOf: (value: Value) => readonly Value[],
): Set<Value> {
  const targets = new Set(program.updates.map(({ target }) => target));
  const updates = new Set<Value>();
  const isElementwise = ({ op }: Value) => opNamed(op).category === "elementwise";
  for (const value of order) {
    const { op, attrs, inputs } = value;
    const isTarget = isTensorKind(op) && targets.has(attrs.name as string);
    if (isTarget || (isElementwise(value) && inputs.some((input) => updates.has(input)))) updates.add(value);
  }
  const results = new Set(roots(program));
  for (const value of [...order].reverse()) {
    const users = usersOf(value);
    const isRead = results.has(value) || users.length === 0 || users.some((user) => !updates.has(user));
    if (isElementwise(value) && !isRead) updates.add(value);
  }
  return updates;
}

/** `conv1.weight` for the updates of `conv1.weight`, of its state `conv1.weight.velocity` and of `conv1.weight@average`. */
function updatedTensor(program: Program, value: Value): string | undefined {
  const target = program.updates.find((u) => u.value === value)!.target;
  const owner = program.updates.find((u) => target.startsWith(u.target) && /[.@]/.test(target[u.target.length]));
  return owner?.target ?? target;
}

/** No third kernel may stand between the two: everything `value` reads is older than the group, or in it. */
function canJoin(group: Group, value: Value, stored: ReadonlySet<Value>, indexOf: (value: Value) => number): boolean {
  const first = Math.min(...group.outputs.map(indexOf));
  if (!sameShape(value.type.shape, group.outputs[0].type.shape)) return false;
  const stack = [...value.inputs];
  const seen = new Set<Value>();
  while (stack.length > 0) {
    const v = stack.pop()!;
    if (seen.has(v) || indexOf(v) < first || group.outputs.includes(v)) continue;
    seen.add(v);
    if (stored.has(v)) return false;
    stack.push(...v.inputs);
  }
  return true;
}

/** New values of tensors with which nothing else is updated. */
export function updatedAlone(program: Program): Set<Value> {
  const owners = program.updates.map(({ value }) => updatedTensor(program, value));
  const alone = program.updates.filter((_, i) => owners.indexOf(owners[i]) === owners.lastIndexOf(owners[i]));
  return new Set(alone.map(({ value }) => value));
}
