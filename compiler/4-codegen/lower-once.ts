/**
 * Groups of equal structure share one kernel: deep networks repeat their layers, and every program has the forward pass. Equal
 * means all that a template can see: operations, attributes, types, layouts, and what is stored for how many samples.
 */
import type { Blocked } from "../3-passes/blocks.ts";
import { type Group, isOwn } from "../3-passes/fuse.ts";
import { isHost } from "../3-passes/host.ts";
import { isLeaf } from "../3-passes/inline.ts";
import type { Value } from "../ir/graph.ts";
import { type Lowered, type LowerOptions, lowerGroup, type Source } from "./lower.ts";
import { elemOf } from "./scope.ts";

export class LowerOnce {
  private readonly known = new Map<string, { readonly lowered: Lowered; readonly values: readonly Value[] }>();

  constructor(private readonly options: LowerOptions) {}

  lower(group: Group, plan: Blocked, part?: number): Lowered {
    const { text, values } = this.structure(group, plan, part);
    const known = this.known.get(text);
    if (!known) {
      const lowered = lowerGroup(group, plan, this.options, part);
      this.known.set(text, { lowered, values });
      return lowered;
    }
    const own = (source: Source): Source =>
      "value" in source ? { ...source, value: values[known.values.indexOf(source.value)] } : { ...source };
    return { kernel: known.lowered.kernel, sources: known.lowered.sources.map(own) };
  }

  /** The group as text in which values are numbered as they are met, and the values in that order. */
  private structure(group: Group, plan: Blocked, part?: number): { text: string; values: Value[] } {
    const numbers = new Map<Value, number>();
    const lines = [`${part ?? "batch"} ${group.outputs.map((output) => plan.storageOf(output) === "sum").join()}`];
    const place = (value: Value) => `${this.options.layouts.nameOf(value)} ${plan.samplesOf(value)} ${elemOf(value)}`;
    const visit = (value: Value): number => {
      const met = numbers.get(value);
      if (met !== undefined) return met;
      const number = numbers.size;
      numbers.set(value, number);
      const output = group.outputs.indexOf(value);
      const own = isOwn(group, value);
      const roles = [
        value === group.anchor && "anchor",
        value === group.also && "also",
        value === group.pool && "pool",
        output >= 0 && `output ${output}`,
      ];
      const type = `${value.type.dtype}[${value.type.shape.join()}] ${roles.filter(Boolean).join(" ")}`;
      if (!own && value.op !== "const" && (isLeaf(value) || isHost(value) || plan.storedBy.has(value))) {
        lines.push(`${number} stored ${isHost(value)} ${type} ${place(value)}`);
        return number;
      }
      const operands = value.inputs.map(visit);
      const where = output >= 0 ? place(value) : "";
      lines.push(`${number} ${value.op}(${operands.join()}) ${JSON.stringify(value.attrs)} ${type} ${where}`);
      return number;
    };
    group.outputs.forEach(visit);
    return { text: lines.join("\n"), values: [...numbers.keys()] };
  }
}
