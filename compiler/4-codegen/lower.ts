/** Writes the kernel of one group. */

import type { Blocked } from "../3-passes/blocks.ts";
import { type Group, isOwn } from "../3-passes/fuse.ts";
import { isHost } from "../3-passes/host.ts";
import { isLeaf } from "../3-passes/inline.ts";
import type { Layouts } from "../3-passes/layout.ts";
import { inRow } from "../3-passes/memory.ts";
import { sizeOf, type Value } from "../ir/graph.ts";
import { layoutNamed } from "../ir/layout.ts";
import type { Buffer, Kernel, Local } from "../ir/loops.ts";
import type { Teams } from "../ir/teams.ts";
import type { Target } from "../target.ts";
import type { GroupContext } from "./group-context.ts";
import { KernelBuilder } from "./kernel-builder.ts";
import { templateOf } from "./kernels/index.ts";
import { contiguous } from "./kernels/map.ts";
import { prefetch } from "./kernels/prefetch.ts";
import { total } from "./kernels/total.ts";
import { elemOf, type Memory, type Place, Scope } from "./scope.ts";

/** What a kernel's buffer stands for: a stored or leaf value, a host scalar, the generator's state, or an update's tensor. */
export type Source =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "host"; readonly value: Value }
  | { readonly kind: "rng" }
  | { readonly kind: "scratch"; readonly elements: number }
  | { readonly kind: "common"; readonly elements: number }
  | { readonly kind: "tensor"; readonly name: string }
  /** The sums that teams of samples have made, one behind the other. */
  | { readonly kind: "sums"; readonly value: Value };

export interface Lowered {
  readonly kernel: Kernel;
  readonly sources: readonly Source[];
}

export interface LowerOptions {
  readonly target: Target;
  readonly layouts: Layouts;
  readonly batch: number;
}

/** How a kernel differs from the one that computes its group for the whole batch at once. */
interface Variant {
  /** It copies a stored value into this tensor. */
  readonly copyTo?: string;
  /** It runs for at most so many samples of the batch at a time. */
  readonly part?: number;
}

export function lowerGroup(group: Group, plan: Blocked, options: LowerOptions, part?: number): Lowered {
  const buffers = new Buffers(group, plan, options, { part });
  templateOf(group.anchor?.op ?? null)(contextOf(group, plan, options, buffers));
  return { kernel: buffers.k.finish(nameOf(group)), sources: buffers.sources };
}

/** Updates by one formula, in one loop over their rows and the room between tensors. */
export function lowerRows(group: Group, plan: Blocked, options: LowerOptions): Lowered {
  const { rows = [], outputs } = group;
  const first = { ...group, outputs: outputs.filter((output) => rows.some((row) => row[0] === output)) };
  const { floatBytes } = options.target;
  const { bytes } = inRow(rows[0].map(({ type }) => sizeOf(type.shape, 1) * floatBytes));
  const buffers = new Buffers(first, plan, options);
  contiguous(contextOf(first, plan, options, buffers), bytes / floatBytes);
  return { kernel: buffers.k.finish("updates"), sources: buffers.sources };
}

/** An update that could not be made in place: copies a stored value into its tensor. */
export function lowerCopy(value: Value, target: string, plan: Blocked, options: LowerOptions): Lowered {
  const group: Group = { anchor: null, outputs: [value], inside: new Set(), reason: "copy" };
  const buffers = new Buffers(group, plan, options, { copyTo: target });
  templateOf(null)(contextOf(group, plan, options, buffers));
  return { kernel: buffers.k.finish(`copy_${identifier(target)}`), sources: buffers.sources };
}

/** Adds up, in order, what each team of samples has summed. */
export function lowerTotal(value: Value, teams: Teams, plan: Blocked, options: LowerOptions): Lowered {
  const group: Group = { anchor: value, outputs: [value], inside: new Set(), reason: "total" };
  const buffers = new Buffers(group, plan, options);
  total(contextOf(group, plan, options, buffers), buffers.sums(value), teams);
  return { kernel: buffers.k.finish(`total_${identifier(value.op)}`), sources: buffers.sources };
}

/** Brings a stored value into the cache, for a kernel that runs next for at most `part` samples. */
export function lowerPrefetch(value: Value, part: number, plan: Blocked, options: LowerOptions): Lowered {
  const group: Group = { anchor: null, outputs: [], inside: new Set(), reason: "prefetch" };
  const buffers = new Buffers(group, plan, options, { part });
  prefetch(contextOf(group, plan, options, buffers), value);
  return { kernel: buffers.k.finish("prefetch"), sources: buffers.sources };
}

function contextOf(group: Group, plan: Blocked, options: LowerOptions, buffers: Buffers): GroupContext {
  return {
    k: buffers.k,
    target: options.target,
    group,
    batch: buffers.how.part ?? options.batch,
    addsUp: buffers.cut && group.outputs.some((output) => plan.storageOf(output) === "sum"),
    memory: buffers,
    place: (output) => buffers.place(output),
    scratch: (elements) => buffers.scratch(elements),
    common: (elements) => buffers.common(elements),
    trial: () => contextOf(group, plan, options, new Buffers(group, plan, options, buffers.how)),
    scope: (lane, registers) => new Scope(buffers.k, buffers, options.target.lanes > 1 ? lane : null, registers),
  };
}

/** Gives the kernel a buffer for each place in memory that it touches. */
class Buffers implements Memory {
  readonly k = new KernelBuilder();
  readonly sources: Source[] = [];
  private readonly known = new Map<Value | "rng", Place | Buffer>();
  private readonly written = new Map<Value, Place>();
  private readonly flags = new Map<Value, Local>();

  constructor(
    private readonly group: Group,
    private readonly plan: Blocked,
    private readonly options: LowerOptions,
    readonly how: Variant = {},
  ) {}

  get cut(): boolean {
    return this.how.part !== undefined;
  }

  source(value: Value): Place | null {
    if (isOwn(this.group, value) && this.how.copyTo === undefined) return null;
    const host = isHost(value);
    if (!host && !isLeaf(value) && !this.plan.storedBy.has(value)) return null;
    let place = this.known.get(value) as Place | undefined;
    if (!place) {
      place = {
        // The runtime writes every host scalar as a float, whatever its type.
        buffer: host
          ? this.buffer({ kind: "host", value }, "f32")
          : this.buffer({ kind: "value", value }, elemOf(value)),
        layout: this.layoutOf(value),
      };
      this.known.set(value, place);
    }
    return place;
  }

  place(output: Value): Place {
    let place = this.written.get(output);
    if (!place) {
      const { copyTo } = this.how;
      const source: Source = copyTo === undefined ? { kind: "value", value: output } : { kind: "tensor", name: copyTo };
      place = { buffer: this.buffer(source, elemOf(output)), layout: this.layoutOf(output) };
      this.written.set(output, place);
    }
    return place;
  }

  rng(): Buffer {
    let buffer = this.known.get("rng") as Buffer | undefined;
    if (!buffer) {
      buffer = this.buffer({ kind: "rng" }, "i32");
      this.known.set("rng", buffer);
    }
    return buffer;
  }

  flag(condition: Value): Local {
    let flag = this.flags.get(condition);
    if (!flag) {
      const { k } = this;
      const { buffer } = this.source(condition)!;
      flag = k.hoisted(k.e.compare("ne", k.number("f32", buffer), k.e.const(0)), "flag");
      this.flags.set(condition, flag);
    }
    return flag;
  }

  scratch(elements: number): Buffer {
    return this.buffer({ kind: "scratch", elements }, "f32", true);
  }

  common(elements: number): Buffer {
    return this.buffer({ kind: "common", elements }, "f32");
  }

  sums(value: Value): Buffer {
    return this.buffer({ kind: "sums", value }, "f32");
  }

  private layoutOf(value: Value) {
    return layoutNamed(this.options.layouts.nameOf(value), value.type.shape, this.plan.samplesOf(value));
  }

  private buffer(source: Source, elem: Buffer["elem"], own = false): Buffer {
    this.sources.push(source);
    const name = source.kind === "value" || source.kind === "host" ? source.value.op : source.kind;
    return this.k.buffer(`${name}${this.sources.length}`, elem, own);
  }
}

/** `conv2d_add_relayout`: the anchor and what follows it. */
function nameOf(group: Group): string {
  const chain = [group.anchor, ...group.inside, ...group.outputs].filter(
    (v): v is Value => v !== null && v.op !== "relayout",
  );
  const ops = [...new Set(chain)].map((v) => v.op);
  if (group.anchor === null) ops.unshift("map");
  return identifier([...new Set(ops)].slice(0, 4).join("_"));
}

const identifier = (text: string): string => text.replace(/[^A-Za-z0-9_]/g, "_");
