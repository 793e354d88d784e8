/** Puts the planned programs together: places in memory for everything, the calls of each program, and the manifest. */
import type { HostExpr, Manifest, ManifestProgram } from "../../runtime/abi.ts";
import { ABI_VERSION } from "../../runtime/abi.ts";
import type { Blocked } from "../3-passes/blocks.ts";
import { hostExpr } from "../3-passes/host.ts";
import type { Layouts } from "../3-passes/layout.ts";
import { align, room, SLACK } from "../3-passes/memory.ts";
import { tensorOf } from "../3-passes/rows.ts";
import { place } from "../diagnostics.ts";
import { type InputDecl, type Module, roots, sizeOf, type TensorDecl, topological, type Value } from "../ir/graph.ts";
import { layoutNamed } from "../ir/layout.ts";
import type { Address, Blocks, Call, LoopModule } from "../ir/loops.ts";
import type { Target } from "../target.ts";
import { type Arena, planProgram, planRegion, Sizes, sumsOf, type Tenant } from "./arena.ts";
import type { Source } from "./lower.ts";
import { LowerOnce } from "./lower-once.ts";
import {
  callsOf,
  isRegion,
  type LoweredCall,
  type LoweredProgram,
  type LoweredRegion,
  lowerProgram,
} from "./lower-program.ts";
import { describe, type KernelReport, type MemoryReport } from "./report.ts";

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
  schedules: readonly Blocked[],
  layouts: Layouts,
  target: Target,
  checkFinite: boolean,
): Assembled {
  return new Assembly(module, schedules, layouts, target, checkFinite).run();
}

class Assembly {
  private next = FIRST_ADDRESS;
  private readonly sizes: Sizes;
  private readonly programs: readonly LoweredProgram[];
  private readonly tensors = new Map<string, number>();
  private readonly scalars = new Map<string, { address: number; expr: HostExpr }>();
  /** Where tensors end, and inputs begin. */
  private given = 0;
  private rng = 0;
  private scratch = 0;
  private scratchBytes = 0;
  private common = 0;
  /** Where each thread keeps the values of a few samples, one thread behind the other. */
  private blocks = 0;
  private blockBytes = 0;
  private blockThreads = 0;
  private readonly regions = new Map<LoweredRegion, Arena>();
  /** Where the arena of the programs begins. */
  private fixed = 0;

  constructor(
    private readonly module: Module,
    schedules: readonly Blocked[],
    private readonly layouts: Layouts,
    private readonly target: Target,
    private readonly checkFinite: boolean,
  ) {
    this.sizes = new Sizes(layouts, target);
    const options = { target, layouts, batch: module.batch };
    const once = new LowerOnce(options);
    this.programs = schedules.map((plan) => lowerProgram(plan, options, once));
  }

  run(): Assembled {
    const { module, target, checkFinite } = this;
    this.placeTensors();
    this.given = this.next;
    for (const input of module.inputs) this.placeInput(input);
    this.rng = this.take(8);
    this.scratchBytes = align(this.mostElements("scratch") * target.floatBytes);
    this.scratch = this.take(this.scratchBytes * (target.backend === "wasm" ? MOST_THREADS : 1));
    this.common = this.take(this.mostElements("common") * target.floatBytes);
    this.placeScalars();
    this.placeBlocks();
    this.fixed = this.next;

    const arenas = this.programs.map((program) => planProgram(program, this.sizes));
    const arena = Math.max(0, ...arenas.map((a) => a.bytes));
    const memoryBytes = Math.ceil((this.fixed + arena + SLACK) / 65536) * 65536;
    const programs = this.programs.map((program, i) => ({
      name: program.plan.program.name,
      steps: program.steps.map((step) =>
        isRegion(step) ? this.blocksOf(program.plan, step, arenas[i]) : this.call(program.plan, step, arenas[i]),
      ),
    }));
    const { floatBytes } = target;
    const { scratchBytes } = this;
    return {
      loops: { programs, memoryBytes, floatBytes, checkFinite, scratchBytes },
      manifest: this.manifest(memoryBytes, arenas),
      kernels: this.programs.flatMap((program) =>
        callsOf(program).map((call) => describe(program.plan, call, this.layouts, module.batch, target)),
      ),
      memory: this.memoryReport(arenas, memoryBytes),
    };
  }

  /** Those of a row one behind the other. */
  private placeTensors(): void {
    const tensors = new Map(this.module.tensors.map((tensor) => [tensor.name, tensor]));
    const rows = this.programs.flatMap(({ plan }) =>
      plan.groups.flatMap(({ rows = [] }) => rows.map((row) => row.map((value) => tensorOf(value, plan)))),
    );
    for (const row of [...rows, ...[...tensors.keys()].map((name) => [name])]) {
      for (const name of row) {
        if (name !== undefined && !this.tensors.has(name)) {
          this.tensors.set(name, this.take(this.bytesOfTensor(tensors.get(name)!)));
        }
      }
    }
  }

  private bytesOfTensor({ shape, layout = "row" }: TensorDecl): number {
    return layoutNamed(layout, shape, this.module.batch).elements * this.target.floatBytes;
  }

  private take(bytes: number): number {
    const address = this.next;
    this.next += room(bytes);
    return address;
  }

  /** Floats or bytes, whichever the caller gives. */
  private placeInput({ name, dtype, shape }: InputDecl): void {
    const elements = sizeOf(shape, 1) * this.module.batch;
    const address = this.take(elements * (dtype === "f32" ? this.target.floatBytes : 4));
    this.tensors.set(name, address).set(bytesOf(name), address);
  }

  /** Whether programs take the samples as bytes too, or not at all. */
  private takesBytes({ name, role, dtype }: InputDecl, read: ReadonlySet<string>): boolean {
    return role === "input" && dtype === "f32" && (read.has(bytesOf(name)) || !read.has(name));
  }

  /** Kernels run one after another: one place serves them all. */
  private mostElements(kind: "scratch" | "common"): number {
    return this.sources().reduce((most, source) => Math.max(most, source.kind === kind ? source.elements : 0), 0);
  }

  private sources(): Source[] {
    return this.programs.flatMap(callsOf).flatMap(({ lowered }) => [...lowered.sources]);
  }

  /** Equal expressions share a place. */
  private placeScalars(): void {
    for (const source of this.sources()) {
      if (source.kind !== "host") continue;
      const expr = hostExpr(source.value);
      const key = JSON.stringify(expr);
      if (this.scalars.has(key)) continue;
      this.scalars.set(key, { address: this.next, expr });
      this.next += this.target.floatBytes;
    }
    this.next = align(this.next);
  }

  private placeBlocks(): void {
    for (const { plan, steps } of this.programs) {
      for (const step of steps.filter(isRegion)) {
        const arena = planRegion(step, plan, this.sizes);
        this.regions.set(step, arena);
        this.blockBytes = Math.max(this.blockBytes, room(arena.bytes));
        this.blockThreads = Math.max(this.blockThreads, Math.min(step.region.count, MOST_THREADS));
      }
    }
    this.blocks = this.take(this.blockBytes * this.blockThreads);
  }

  private call(plan: Blocked, { lowered, output }: LoweredCall, arena: Arena): Call {
    const address = (source: Source) => this.addressOf(plan, source, arena).base;
    const to = lowered.sources.findIndex((source) => source.kind === "value" && source.value === output);
    const writes = to < 0 ? [] : this.writesOf(output, address(lowered.sources[to]));
    return { kernel: lowered.kernel, args: lowered.sources.map(address), writes };
  }

  private blocksOf(plan: Blocked, step: LoweredRegion, arena: Arena): Blocks {
    const { region, parts } = step;
    const address = (source: Source): Address => {
      const own = this.inBlock(plan, source, this.regions.get(step)!);
      return own ?? this.addressOf(plan, source, arena);
    };
    return {
      teams: region.teams,
      threads: Math.min(region.count, MOST_THREADS),
      parts: parts.map(({ samples, calls }) => ({
        samples,
        sums: calls
          .filter(({ lowered }) => !lowered.kernel.begun)
          .flatMap(({ group }) => group.outputs.filter((value) => region.sums.includes(value)))
          .map((value) => ({ at: this.teamSums(plan, value, arena), bytes: this.sizes.bytes(plan, value) })),
        calls: calls.map(({ lowered: { kernel, sources } }) => ({
          kernel,
          args: sources.map((source) =>
            source.kind === "value" && plan.storageOf(source.value) === "sum" && region.sums.includes(source.value)
              ? this.teamSums(plan, source.value, arena)
              : address(source),
          ),
        })),
      })),
    };
  }

  private teamSums(plan: Blocked, value: Value, arena: Arena): Address {
    return { base: this.fixed + arena.offsets.get(sumsOf(value))!, team: this.sizes.bytes(plan, value) };
  }

  /** Memory of a thread's own, for a few samples. */
  private inBlock(plan: Blocked, source: Source, arena: Arena): Address | null {
    const tenant: Tenant = source.kind === "value" ? source.value : source;
    const offset = arena.offsets.get(tenant);
    if (offset === undefined) return null;
    const at = { base: this.blocks + offset, thread: this.blockBytes };
    const moves = source.kind === "value" && plan.storageOf(source.value) === "team";
    return moves ? { ...at, teamSample: this.sizes.sample(plan, source.value) } : at;
  }

  /** Memory that lives as long as the program, or longer. */
  private addressOf(plan: Blocked, source: Source, arena: Arena): Address {
    switch (source.kind) {
      case "rng":
        return { base: this.rng };
      case "scratch":
        return { base: this.scratch, thread: this.scratchBytes };
      case "common":
        return { base: this.common };
      case "tensor":
        return { base: this.tensors.get(source.name)! };
      case "host":
        return { base: this.scalars.get(JSON.stringify(hostExpr(source.value)))!.address };
      case "sums":
        return { base: this.fixed + arena.offsets.get(sumsOf(source.value))! };
      case "value": {
        const sample = this.sizes.sample(plan, source.value);
        const base = this.placeOf(plan, source.value, arena);
        return sample > 0 ? { base, sample } : { base };
      }
    }
  }

  private placeOf(plan: Blocked, value: Value, arena: Arena): number {
    const tensor = tensorOf(value, plan);
    return tensor === undefined ? this.fixed + arena.offsets.get(value)! : this.tensors.get(tensor)!;
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

  private manifest(memoryBytes: number, arenas: readonly Arena[]): Assembled["manifest"] {
    const { module, target } = this;
    const leaves = topological(module.programs.flatMap(roots)).filter(({ op }) => op === "input");
    const read = new Set(leaves.map(({ attrs }) => attrs.name as string));
    const programs: Record<string, ManifestProgram> = {};
    this.programs.forEach((program, i) => {
      const { plan } = program;
      programs[plan.program.name] = {
        results: plan.program.results.map(({ name, value }) => ({
          name,
          dtype: value.type.dtype === "f32" ? "f32" : "i32",
          shape: value.type.shape,
          address: this.placeOf(plan, value, arenas[i]),
        })),
        ...(this.checkFinite && {
          calls: callsOf(program).map(({ lowered, output }) => ({
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
        ...(this.checkFinite && { place: input.span ? place(input.span) : "" }),
        ...(this.takesBytes(input, read) && { bytes: bytesOf(input.name) }),
      })),
      tensors: module.tensors
        .filter(({ kind }) => kind !== "total" && kind !== "packed")
        .map(({ name, kind, shape, init, averageOf }) => ({
          name,
          kind: kind as "param" | "buffer" | "state",
          shape,
          init,
          ...(averageOf !== undefined && { averageOf }),
          address: this.tensors.get(name)!,
        })),
      totals: module.tensors.flatMap(({ name, shape, combine }) =>
        combine === undefined ? [] : [{ name, shape, combine, address: this.tensors.get(name)! }],
      ),
      scalars: [...this.scalars.values()],
      rng: this.rng,
      programs,
    };
  }

  private memoryReport(arenas: readonly Arena[], memoryBytes: number): MemoryReport {
    const sum = (kind: string) =>
      this.module.tensors.filter((t) => t.kind === kind).reduce((s, t) => s + this.bytesOfTensor(t), 0);
    const { fixed, blocks, blockBytes, blockThreads } = this;
    const places = ({ intervals, offsets }: Arena, start: number) =>
      [...intervals].map(([tenant, interval]) => ({
        label: labelOf(tenant),
        bytes: interval.bytes,
        offset: start + offsets.get(tenant)!,
        from: interval.from,
        to: interval.to,
      }));
    return {
      parameters: sum("param"),
      buffers: sum("buffer"),
      states: sum("state"),
      packed: sum("packed"),
      inputs: fixed - this.given - blockBytes * blockThreads,
      blocks: { bytes: blockBytes, threads: blockThreads },
      total: memoryBytes,
      programs: this.programs.map(({ plan, steps }, i) => ({
        name: plan.program.name,
        arena: arenas[i].bytes,
        unshared: [...arenas[i].intervals.values()].reduce((s, x) => s + x.bytes, 0),
        values: places(arenas[i], fixed),
        regions: steps.flatMap((step, at) =>
          isRegion(step) ? [{ at, ...sizesOf(step), values: places(this.regions.get(step)!, blocks) }] : [],
        ),
      })),
    };
  }
}

const bytesOf = (input: string) => `${input}.bytes` as const;

function sizesOf({ region, parts }: LoweredRegion) {
  const named = parts.map(({ samples, calls }) => ({
    samples,
    kernels: calls.map((call) => call.lowered.kernel.name),
  }));
  return { teams: region.teams, count: region.count, parts: named };
}

/** How people are told of a value: `conv2d f32[n, 32, 16, 16]`. */
function labelOf(tenant: Tenant): string {
  if (typeof tenant === "string") return tenant;
  if ("values" in tenant) return `${tenant.values.length} operands of updates`;
  if ("kind" in tenant) return tenant.kind;
  return `${tenant.op} ${tenant.type.dtype}[${tenant.type.shape.join(", ")}]`;
}
