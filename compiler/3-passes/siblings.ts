/**
 * Anchors that read the same elements in one kernel, which reads them once: the two sums of batch norm's gradient, and the
 * log_softmax and softmax of cross entropy's value and gradient.
 */
import { sizeOf, type Value } from "../ir/graph.ts";
import type { Group } from "./fuse.ts";
import { isLeaf } from "./inline.ts";
import { samplesAxis } from "./samples.ts";

type IndexOf = (value: Value) => number;

/** `indexOf`: the place of a value in a topological order. */
export function joinSiblings(groups: readonly Group[], indexOf: IndexOf): Group[] {
  const stored = new Set(groups.flatMap((group) => group.outputs));
  const joined: Group[] = [];
  /** Where in `joined` the groups are that read something in some way. */
  const readers = new Map<string, number[]>();
  for (const group of [...groups].sort((a, b) => indexOf(a.outputs[0]) - indexOf(b.outputs[0]))) {
    const keys = readingsOf(group, stored);
    const others = [...new Set(keys.flatMap((key) => readers.get(key) ?? []))].sort((a, b) => a - b);
    const at = others.find((i) => !joined[i].also && isIndependent(group.outputs[0], joined[i], stored, indexOf));
    if (at !== undefined) {
      joined[at] = join(joined[at], group);
      continue;
    }
    for (const key of keys) readers.set(key, [...(readers.get(key) ?? []), joined.length]);
    joined.push(group);
  }
  return joined;
}

function join(first: Group, second: Group): Group {
  const outputs = [...first.outputs, ...second.outputs];
  const inside = new Set([...first.inside, ...second.inside]);
  return { ...first, outputs, inside, also: second.anchor!, reason: `${first.reason}, two of the same elements` };
}

/** Whether nothing that the value is computed from comes from the group or a younger one, which may read it. */
function isIndependent(value: Value, group: Group, stored: ReadonlySet<Value>, indexOf: IndexOf): boolean {
  const first = Math.min(...group.outputs.map(indexOf));
  const seen = new Set<Value>();
  const visit = (v: Value): boolean => {
    if (seen.has(v) || indexOf(v) < first) return true;
    seen.add(v);
    return !stored.has(v) && v.inputs.every(visit);
  };
  return value.inputs.every(visit);
}

/** What siblings have in common: values of one shape summed along the same axes, or the operand of both kinds of softmax. */
function readingsOf({ anchor }: Group, stored: ReadonlySet<Value>): string[] {
  if (anchor?.op === "softmax" || anchor?.op === "log_softmax") {
    return [`softmax of ${anchor.inputs[0].id} along ${anchor.attrs.axis}`];
  }
  if (anchor?.op !== "sum") return [];
  const [operand] = anchor.inputs;
  const along = `${anchor.attrs.axes} of ${operand.type.shape}`;
  return [...readWhole(operand, stored)].map(({ id }) => `sum of ${id} along ${along}`);
}

const isOfSamples = (value: Value): boolean => samplesAxis(value) >= 0;

/** The values of the operand's own size that computing it reads from memory: as they are, or split into other axes. */
function readWhole(operand: Value, stored: ReadonlySet<Value>): Set<Value> {
  const size = sizeOf(operand.type.shape, 1);
  const read = new Set<Value>();
  const seen = new Set<Value>();
  const visit = (value: Value) => {
    if (seen.has(value)) return;
    seen.add(value);
    if (!isLeaf(value) && !stored.has(value)) value.inputs.forEach(visit);
    else if (sizeOf(value.type.shape, 1) === size && isOfSamples(value) === isOfSamples(operand)) read.add(value);
  };
  visit(operand);
  return read;
}
