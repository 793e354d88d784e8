/** What people are told of the kernels and of memory. */
import type { Blocked } from "../3-passes/blocks.ts";
import type { Layouts } from "../3-passes/layout.ts";
import { place } from "../diagnostics.ts";
import { sizeOf, type Value } from "../ir/graph.ts";
import { layoutNamed } from "../ir/layout.ts";
import type { Teams } from "../ir/teams.ts";
import type { Target } from "../target.ts";
import type { LoweredCall } from "./lower-program.ts";
import { elemOf } from "./scope.ts";

export interface KernelReport {
  readonly program: string;
  readonly kernel: string;
  /** The shape it writes. */
  readonly output: string;
  /** Floating-point operations of one call with a full batch; a multiplication and an addition count as two. */
  readonly flops: number;
  /** Bytes of all the buffers it reads and writes. */
  readonly bytes: number;
  readonly place: string;
  /** The operations computed inside it, in registers. */
  readonly fused: readonly string[];
  /** Why its result is stored. */
  readonly reason: string;
}

export interface MemoryReport {
  readonly parameters: number;
  readonly buffers: number;
  readonly states: number;
  /** Weights in the layout that kernels read. */
  readonly packed: number;
  readonly inputs: number;
  /** For the values of a few samples: bytes of a thread, and how many threads have them. */
  readonly blocks: { readonly bytes: number; readonly threads: number };
  readonly total: number;
  readonly programs: readonly {
    readonly name: string;
    /** Bytes of the shared arena, and of the same values without sharing. */
    readonly arena: number;
    readonly unshared: number;
    readonly values: readonly PlacedValue[];
    /** What runs a few samples at a time: as which step of the program, for how many samples, and what a thread stores for it. */
    readonly regions: readonly {
      readonly at: number;
      readonly teams: Teams;
      readonly count: number;
      readonly parts: readonly { readonly samples: number; readonly kernels: readonly string[] }[];
      readonly values: readonly PlacedValue[];
    }[];
  }[];
}

export interface PlacedValue {
  readonly label: string;
  readonly bytes: number;
  readonly offset: number;
  /** The steps between which it is needed. */
  readonly from: number;
  readonly to: number;
}

export function describe(
  plan: Blocked,
  { lowered, output, group }: LoweredCall,
  layouts: Layouts,
  batch: number,
  target: Target,
): KernelReport {
  const size = (value: Value) => {
    const layout = layoutNamed(layouts.nameOf(value), value.type.shape, batch);
    return layout.elements * { f32: target.floatBytes, i32: 4, u8: 1 }[elemOf(value)];
  };
  const elements = (all: readonly Value[]) => all.reduce((sum, { type }) => sum + sizeOf(type.shape, batch), 0);
  const stored = lowered.sources.flatMap((s) => (s.kind === "value" ? [s.value] : []));
  const names = new Set(stored.map(({ attrs }) => attrs.name));
  // Of an input that comes as bytes or as floats, the bytes.
  const values = stored.filter(({ op, attrs }) => op !== "input" || !names.has(`${attrs.name}.bytes`));
  return {
    program: plan.program.name,
    kernel: lowered.kernel.name,
    output: group.rows ? `f32[${elements(group.rows[0])}]` : `${output.type.dtype}[${output.type.shape.join(", ")}]`,
    flops: group.anchor ? flopsOf(group.anchor, batch) * (group.also ? 2 : 1) : elements(group.outputs),
    bytes: (group.rows?.flat() ?? values).reduce((sum, value) => sum + size(value), 0),
    place: output.span ? place(output.span) : "",
    fused: [...group.inside].map((v) => v.op),
    reason: group.reason,
  };
}

/** Counted from the definition, padding included. */
function flopsOf(value: Value, batch: number): number {
  const product = (shape: readonly (number | "n")[]) => sizeOf(shape, batch);
  const [a, b] = value.inputs;
  switch (value.op) {
    case "matmul":
      return 2 * product(value.type.shape) * product(a.type.shape.slice(-1));
    case "conv2d":
      return 2 * product(value.type.shape) * product(b.type.shape.slice(1));
    case "conv2d_grad_input":
      return 2 * product(a.type.shape) * product(b.type.shape.slice(1));
    case "conv2d_grad_weight":
      return 2 * product(b.type.shape) * product(value.type.shape.slice(1));
    default:
      return Math.max(product(value.type.shape), ...value.inputs.map((v) => product(v.type.shape)));
  }
}
