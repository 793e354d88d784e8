/**
 * Orders a program's groups and decides where each stored value goes: into the tensor that it updates, where every other
 * reader of the old contents can run before, else into the arena.
 */
import type { Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import { type Fused, type Group, isOwn } from "./fuse.ts";
import { isLeaf } from "./inline.ts";

export interface Schedule extends Fused {
  /** In order of execution. */
  readonly groups: readonly Group[];
  /** Values written straight into a tensor of the module, by its name. */
  readonly inPlace: ReadonlyMap<Value, string>;
  /** Updates that must wait for the end of the program: the tensor still has readers when the value is made. */
  readonly copies: readonly { readonly value: Value; readonly target: string }[];
  /** The groups that must run before a group: what it reads is made there, or what it overwrites is read there. */
  readonly before: ReadonlyMap<Group, ReadonlySet<Group>>;
  /** What a group reads from memory. */
  readonly reads: ReadonlyMap<Group, ReadonlySet<Value>>;
  /** The groups that read a value; null: the caller, or a copy at the end of the program. */
  readonly readers: ReadonlyMap<Value, readonly (Group | null)[]>;
}

/** What a group reads from memory. `aligned`: only ever at the index that it writes. */
interface Reads {
  readonly values: ReadonlySet<Value>;
  readonly unaligned: ReadonlySet<Value>;
}

export function schedule(fused: Fused): Schedule {
  const reads = new Map(fused.groups.map((group) => [group, readsOf(group, fused.storedBy)]));
  const copies: { value: Value; target: string }[] = [];
  const inPlace = new Map<Value, string>();
  for (const { target, value } of fused.program.updates) {
    const group = fused.storedBy.get(value)!;
    const direct = !inPlace.has(value) && !readsShifted(reads.get(group)!, target);
    if (direct) inPlace.set(value, target);
    else copies.push({ value, target });
  }
  for (;;) {
    const before = dependencies(fused, reads, inPlace);
    const { order, stuck } = sort(fused, before, inPlace);
    if (!stuck) {
      const values = new Map([...reads].map(([group, read]) => [group, read.values]));
      return { ...fused, groups: order, inPlace, copies, before, reads: values, readers: readersOf(fused, values) };
    }
    copies.push({ value: stuck, target: inPlace.get(stuck)! });
    inPlace.delete(stuck);
  }
}

function readsOf(group: Group, storedBy: ReadonlyMap<Value, Group>): Reads {
  const values = new Set<Value>();
  const unaligned = new Set<Value>();
  const seen = new Map<Value, boolean>();
  const visit = (value: Value, aligned: boolean) => {
    if (!isOwn(group, value) && (isLeaf(value) || storedBy.has(value))) {
      values.add(value);
      if (!aligned) unaligned.add(value);
      return;
    }
    const known = seen.get(value);
    if (known === false || known === aligned) return;
    seen.set(value, aligned);
    const still = aligned && opNamed(value.op).category === "elementwise";
    for (const input of value.inputs) visit(input, still);
  };
  for (const output of group.outputs) visit(output, true);
  return { values, unaligned };
}

function readsShifted(reads: Reads, tensor: string): boolean {
  return [...reads.unaligned].some((value) => value.attrs.name === tensor && isLeaf(value) && value.op !== "host");
}

function readersOf(
  { program, groups }: Fused,
  reads: ReadonlyMap<Group, ReadonlySet<Value>>,
): Map<Value, (Group | null)[]> {
  const readers = new Map<Value, (Group | null)[]>();
  const add = (value: Value, reader: Group | null) => readers.set(value, [...(readers.get(value) ?? []), reader]);
  for (const group of groups) for (const value of reads.get(group)!) add(value, group);
  for (const { value } of [...program.results, ...program.updates]) add(value, null);
  return readers;
}

function dependencies(
  fused: Fused,
  reads: ReadonlyMap<Group, Reads>,
  inPlace: ReadonlyMap<Value, string>,
): Map<Group, Set<Group>> {
  const before = new Map<Group, Set<Group>>(fused.groups.map((g) => [g, new Set<Group>()]));
  const writers = new Map([...inPlace].map(([value, tensor]) => [tensor, fused.storedBy.get(value)!]));
  for (const group of fused.groups) {
    for (const value of reads.get(group)!.values) {
      const maker = fused.storedBy.get(value);
      if (maker && maker !== group) before.get(group)!.add(maker);
      const writer = isLeaf(value) && value.op !== "host" ? writers.get(value.attrs.name as string) : undefined;
      if (writer && writer !== group) before.get(writer)!.add(group);
    }
  }
  return before;
}

/** Topological order, earliest-made first; on a cycle, the value whose in-place update closes it. */
function sort(
  fused: Fused,
  before: ReadonlyMap<Group, ReadonlySet<Group>>,
  inPlace: ReadonlyMap<Value, string>,
): { order: Group[]; stuck: Value | null } {
  const order: Group[] = [];
  const done = new Set<Group>();
  let rest = [...fused.groups];
  while (rest.length > 0) {
    const waiting: Group[] = [];
    for (const group of rest) {
      if ([...before.get(group)!].every((g) => done.has(g))) {
        order.push(group);
        done.add(group);
      } else waiting.push(group);
    }
    if (waiting.length === rest.length) {
      const stuck = waiting.flatMap((g) => g.outputs).find((value) => inPlace.has(value))!;
      return { order, stuck };
    }
    rest = waiting;
  }
  return { order, stuck: null };
}
