/**
 * Anchors that read the same elements in one kernel, which reads them once: the two sums of batch norm's gradient, and the
 * log_softmax and softmax of cross entropy's value and gradient.
 */
import type { Value } from "../ir/graph.ts";
import type { Group } from "./fuse.ts";
import { isLeaf } from "./inline.ts";

type IndexOf = (value: Value) => number;

/** `indexOf`: the place of a value in a topological order. */
export function joinSiblings(groups: readonly Group[], indexOf: IndexOf): Group[] {
  const stored = new Set(groups.flatMap((group) => group.outputs));
  const joined: Group[] = [];
  for (const group of [...groups].sort((a, b) => indexOf(a.outputs[0]) - indexOf(b.outputs[0]))) {
    const at = joined.findIndex(
      (other) => areSiblings(other, group, stored) && isIndependent(group.outputs[0], other, stored, indexOf),
    );
    if (at < 0) joined.push(group);
    else joined[at] = join(joined[at], group);
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

function areSiblings(a: Group, b: Group, stored: ReadonlySet<Value>): boolean {
  if (!a.anchor || !b.anchor || a.also || b.also) return false;
  if (a.anchor.op === "sum" && b.anchor.op === "sum") return sumTheSame(a.anchor, b.anchor, stored);
  const softmaxes = new Set([a.anchor.op, b.anchor.op]);
  const both = softmaxes.size === 2 && softmaxes.has("softmax") && softmaxes.has("log_softmax");
  return both && a.anchor.inputs[0] === b.anchor.inputs[0] && a.anchor.attrs.axis === b.anchor.attrs.axis;
}

/** Whether both sum elements of one shape along the same axes, and read a value of that shape in common. */
function sumTheSame(a: Value, b: Value, stored: ReadonlySet<Value>): boolean {
  const [left, right] = [a, b].map((sum) => `${sum.inputs[0].type.shape} along ${sum.attrs.axes}`);
  if (left !== right) return false;
  const read = readWhole(a.inputs[0], stored);
  return [...readWhole(b.inputs[0], stored)].some((value) => read.has(value));
}

/** The values of the operand's own shape that computing it reads from memory. */
function readWhole(operand: Value, stored: ReadonlySet<Value>): Set<Value> {
  const read = new Set<Value>();
  const seen = new Set<Value>();
  const visit = (value: Value) => {
    if (seen.has(value)) return;
    seen.add(value);
    if (!isLeaf(value) && !stored.has(value)) value.inputs.forEach(visit);
    else if (`${value.type.shape}` === `${operand.type.shape}`) read.add(value);
  };
  visit(operand);
  return read;
}
