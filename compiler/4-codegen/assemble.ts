/** Puts the planned programs together: places in memory for everything, the calls of each program, and the manifest. */
import type { HostExpr, Manifest, ManifestProgram } from "../../runtime/abi.ts";
import { ABI_VERSION } from "../../runtime/abi.ts";
import { hostExpr } from "../3-passes/host.ts";
import { isLeaf } from "../3-passes/inline.ts";
import type { Layouts } from "../3-passes/layout.ts";
import { align, type Interval, planArena, SLACK } from "../3-passes/memory.ts";
import type { Schedule } from "../3-passes/schedule.ts";
import { place } from "../diagnostics.ts";
import { type InputDecl, type Module, sizeOf, type Value } from "../ir/graph.ts";
import { layoutNamed } from "../ir/layout.ts";
import type { Call, LoopModule } from "../ir/loops.ts";
import type { Target } from "../target.ts";
import { type Lowered, lowerCopy, lowerGroup, type Source } from "./lower.ts";
import { describe, type KernelReport, type MemoryReport } from "./report.ts";
import { elemOf } from "./scope.ts";

export interface Assembled {
  readonly loops: LoopModule;
  readonly manifest: Omit<Manifest, "lr" | "data" | "train">;
  readonly kernels: readonly KernelReport[];
  readonly memory: MemoryReport;
}

/** Each has its own scratch memory. */
export const MOST_THREADS = 64;

/** Below lies what threads work together by (`CONTROL`), and address 0, which means nothing. */
const FIRST_ADDRESS = 1024;

export function assemble(
  module: Module,
  schedules: readonly Schedule[],
  layouts: Layouts,
  target: Target,
  checkFinite: boolean,
): Assembled {
  return new Assembly(module, schedules, layouts, target, checkFinite).run();
}

class Assembly {
  private next = FIRST_ADDRESS;
  private readonly tensors = new Map<string, number>();
  private readonly scalars = new Map<string, { address: number; expr: HostExpr }>();
  private rng = 0;
  private scratch = 0;
  private common = 0;
  private readonly lowered: { schedule: Schedule; calls: { lowered: Lowered; output: Value }[] }[] = [];

  constructor(
    private readonly module: Module,
    private readonly schedules: readonly Schedule[],
    private readonly layouts: Layouts,
    private readonly target: Target,
    private readonly checkFinite: boolean,
  ) {}

  run(): Assembled {
    const { module, target } = this;
    for (const schedule of this.schedules) this.lowered.push({ schedule, calls: this.lower(schedule) });
    for (const tensor of module.tensors)
      this.tensors.set(tensor.name, this.take(sizeOf(tensor.shape, 1) * target.floatBytes));
    for (const input of module.inputs) this.placeInput(input);
    this.rng = this.take(8);
    const scratchBytes = align(this.mostElements("scratch") * target.floatBytes);
    this.scratch = this.take(scratchBytes * (target.backend === "wasm" ? MOST_THREADS : 1));
    this.common = this.take(this.mostElements("common") * target.floatBytes);
    this.placeScalars();
    const fixed = this.next;

    const arenas = this.lowered.map(({ schedule }) => this.planProgram(schedule));
    const arena = Math.max(0, ...arenas.map((a) => a.bytes));
    const memoryBytes = Math.ceil((fixed + arena + SLACK) / 65536) * 65536;
    const programs = this.lowered.map(({ schedule, calls }, i) => ({
      name: schedule.program.name,
      calls: calls.map(({ lowered, output }) => this.call(schedule, lowered, output, fixed, arenas[i].offsets)),
    }));
    const { floatBytes } = target;
    const loops: LoopModule = { programs, memoryBytes, floatBytes, checkFinite: this.checkFinite, scratchBytes };
    return {
      loops,
      manifest: this.manifest(memoryBytes, fixed, arenas),
      kernels: this.lowered.flatMap(({ schedule, calls }) =>
        calls.map(({ lowered, output }) => describe(schedule, lowered, output, this.layouts, module.batch, target)),
      ),
      memory: this.memoryReport(fixed, arenas, memoryBytes),
    };
  }

  private lower(schedule: Schedule): { lowered: Lowered; output: Value }[] {
    const options = { target: this.target, layouts: this.layouts, batch: this.module.batch };
    return [
      ...schedule.groups.map((group) => ({ lowered: lowerGroup(group, schedule, options), output: group.outputs[0] })),
      ...schedule.copies.map(({ value, target }) => ({
        lowered: lowerCopy(value, target, schedule, options),
        output: value,
      })),
    ];
  }

  private take(bytes: number): number {
    const address = this.next;
    this.next += align(bytes + SLACK);
    return address;
  }

  private placeInput(input: InputDecl): void {
    const elements = sizeOf(input.shape, 1) * this.module.batch;
    this.tensors.set(input.name, this.take(elements * (input.dtype === "f32" ? this.target.floatBytes : 4)));
    if (this.hasBytes(input)) this.tensors.set(`${input.name}.bytes`, this.take(elements));
  }

  private hasBytes(input: InputDecl): boolean {
    return this.module.programs.some((p) => p.name === `ingest_${input.name}`);
  }

  /** Kernels run one after another: one place serves them all. */
  private mostElements(kind: "scratch" | "common"): number {
    const sources = this.lowered.flatMap((p) => p.calls).flatMap(({ lowered }) => lowered.sources);
    return sources.reduce((most, source) => Math.max(most, source.kind === kind ? source.elements : 0), 0);
  }

  /** Equal expressions share a place. */
  private placeScalars(): void {
    for (const { lowered } of this.lowered.flatMap((p) => p.calls)) {
      for (const source of lowered.sources) {
        if (source.kind !== "host") continue;
        const expr = hostExpr(source.value);
        const key = JSON.stringify(expr);
        if (this.scalars.has(key)) continue;
        this.scalars.set(key, { address: this.next, expr });
        this.next += this.target.floatBytes;
      }
    }
    this.next = align(this.next);
  }

  private bytesOf(value: Value): number {
    const layout = layoutNamed(this.layouts.nameOf(value), value.type.shape, this.module.batch);
    const bytes = { f32: this.target.floatBytes, i32: 4, u8: 1 }[elemOf(value)];
    return align(layout.elements * bytes + SLACK);
  }

  /** Each stored value is needed from the group that makes it to the last one that reads it; results, to the end. */
  private planProgram(schedule: Schedule): Arena {
    const steps = this.lowered.find((p) => p.schedule === schedule)!.calls;
    const intervals = new Map<Value, { bytes: number; from: number; to: number }>();
    steps.forEach(({ lowered }, step) => {
      for (const source of lowered.sources) {
        if (source.kind !== "value" || isLeaf(source.value) || schedule.inPlace.has(source.value)) continue;
        const interval = intervals.get(source.value) ?? { bytes: this.bytesOf(source.value), from: step, to: step };
        interval.to = step;
        intervals.set(source.value, interval);
      }
    });
    for (const { value } of schedule.program.results) {
      const interval = intervals.get(value);
      if (interval) interval.to = steps.length;
    }
    const { offsets, bytes } = planArena([...intervals.values()]);
    return { offsets: new Map([...intervals.keys()].map((value, i) => [value, offsets[i]])), bytes, intervals };
  }

  private call(
    schedule: Schedule,
    lowered: Lowered,
    output: Value,
    arena: number,
    offsets: ReadonlyMap<Value, number>,
  ): Call {
    const address = (source: Source): number => {
      if (source.kind === "rng") return this.rng;
      if (source.kind === "scratch") return this.scratch;
      if (source.kind === "common") return this.common;
      if (source.kind === "tensor") return this.tensors.get(source.name)!;
      if (source.kind === "host") return this.scalars.get(JSON.stringify(hostExpr(source.value)))!.address;
      if (isLeaf(source.value)) return this.tensors.get(source.value.attrs.name as string)!;
      return this.addressOf(schedule, source.value, arena, offsets);
    };
    const writes = this.writesOf(output, this.addressOf(schedule, output, arena, offsets));
    return { kernel: lowered.kernel, args: lowered.sources.map(address), writes };
  }

  /** The floats that a call writes: all of them, or those of `n` samples. */
  private writesOf(output: Value, address: number): Call["writes"] {
    const layout = layoutNamed(this.layouts.nameOf(output), output.type.shape, this.module.batch);
    const samples = output.type.shape.indexOf("n");
    if (output.type.dtype !== "f32" || samples > 0) return [];
    const perSample = samples === 0;
    const elements = perSample ? layout.elements / this.module.batch : layout.elements;
    return [{ label: labelOf(output), address, elements, perSample, span: output.span }];
  }

  private addressOf(schedule: Schedule, value: Value, arena: number, offsets: ReadonlyMap<Value, number>): number {
    const tensor = schedule.inPlace.get(value);
    return tensor === undefined ? arena + offsets.get(value)! : this.tensors.get(tensor)!;
  }

  private manifest(memoryBytes: number, arena: number, arenas: readonly Arena[]): Assembled["manifest"] {
    const { module, target } = this;
    const programs: Record<string, ManifestProgram> = {};
    this.lowered.forEach(({ schedule, calls }, i) => {
      programs[schedule.program.name] = {
        results: schedule.program.results.map(({ name, value }) => ({
          name,
          dtype: value.type.dtype === "f32" ? "f32" : "i32",
          shape: value.type.shape,
          address: this.addressOf(schedule, value, arena, arenas[i].offsets),
        })),
        ...(this.checkFinite && {
          calls: calls.map(({ lowered, output }) => ({
            kernel: lowered.kernel.name,
            label: labelOf(output),
            place: output.span ? place(output.span) : "",
          })),
        }),
      };
    });
    return {
      abi: ABI_VERSION,
      name: module.name,
      batch: module.batch,
      floatBytes: target.floatBytes,
      memoryBytes,
      inputs: module.inputs.map((input) => ({
        name: input.name,
        role: input.role,
        dtype: input.dtype,
        shape: input.shape,
        ...(input.classes !== undefined && { classes: input.classes }),
        address: this.tensors.get(input.name)!,
        ...(this.hasBytes(input) && {
          bytes: { address: this.tensors.get(`${input.name}.bytes`)!, program: `ingest_${input.name}` },
        }),
      })),
      tensors: module.tensors.map(({ name, kind, shape, init, averageOf }) => ({
        name,
        kind,
        shape,
        init,
        ...(averageOf !== undefined && { averageOf }),
        address: this.tensors.get(name)!,
      })),
      scalars: [...this.scalars.values()],
      rng: this.rng,
      programs,
    };
  }

  private memoryReport(fixed: number, arenas: readonly Arena[], memoryBytes: number): MemoryReport {
    const sum = (kind: string) =>
      this.module.tensors
        .filter((t) => t.kind === kind)
        .reduce((s, t) => s + sizeOf(t.shape, 1) * this.target.floatBytes, 0);
    return {
      parameters: sum("param"),
      buffers: sum("buffer"),
      states: sum("state"),
      inputs: fixed - FIRST_ADDRESS - sum("param") - sum("buffer") - sum("state"),
      total: memoryBytes,
      programs: this.lowered.map(({ schedule }, i) => ({
        name: schedule.program.name,
        arena: arenas[i].bytes,
        unshared: [...arenas[i].intervals.values()].reduce((s, x) => s + x.bytes, 0),
        values: [...arenas[i].intervals].map(([value, interval]) => ({
          label: labelOf(value),
          bytes: interval.bytes,
          offset: fixed + arenas[i].offsets.get(value)!,
          from: interval.from,
          to: interval.to,
        })),
      })),
    };
  }
}

interface Arena {
  readonly offsets: ReadonlyMap<Value, number>;
  readonly bytes: number;
  readonly intervals: ReadonlyMap<Value, Interval>;
}

/** How people are told of a value: `conv2d f32[n, 32, 16, 16]`. */
function labelOf(value: Value): string {
  return `${value.op} ${value.type.dtype}[${value.type.shape.join(", ")}]`;
}
