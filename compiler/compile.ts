/** compile(source) → kernels, manifest and report. Pure: text in, text and bytes out; runs in a browser as in Node. */
import type { Engine, Executable, Manifest, ManifestRequirement } from "../runtime/abi.ts";
import { type FileContent, type Files, parseWithImports } from "./1-parse/imports.ts";
import type { SyntaxTree } from "./1-parse/syntax.ts";
import { elaborate } from "./2-elaborate/elaborate.ts";
import type { ProgramRequirement } from "./2-elaborate/requirements.ts";
import { addsUpInTeams, type Blocked, planBlocks } from "./3-passes/blocks.ts";
import { fuse } from "./3-passes/fuse.ts";
import { hostExpr } from "./3-passes/host.ts";
import { Layouts } from "./3-passes/layout.ts";
import { joinUpdates } from "./3-passes/rows.ts";
import { schedule } from "./3-passes/schedule.ts";
import { assemble, MOST_THREADS } from "./4-codegen/assemble.ts";
import { emitJs } from "./4-codegen/js-backend.ts";
import type { KernelReport, MemoryReport } from "./4-codegen/report.ts";
import { emitTeamWasm, emitWasm } from "./4-codegen/wasm-backend.ts";
import { adviceOn } from "./advice/index.ts";
import { type Diagnostic, place } from "./diagnostics.ts";
import type { Module, Value } from "./ir/graph.ts";
import type { LoopModule } from "./ir/loops.ts";
import { refuseTooLarge } from "./limits.ts";
import { runPasses } from "./pipeline.ts";
import type { Target } from "./target.ts";

export type { FileContent } from "./1-parse/imports.ts";

export interface CompileOptions {
  /** Shown in diagnostics. */
  readonly file?: string;
  /**
   * The files that the model may import: their texts by their paths from its folder (`blocks/residual.model`), or a function that
   * finds them.
   */
  readonly files?: Readonly<Record<string, string>> | ((path: string) => FileContent);
  /** `train.epochs` → `5`: arguments to use instead of the file's. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** The most samples of a step; the model's own `train.batch` if absent. */
  readonly batch?: number;
  readonly backend?: "wasm" | "js";
  /** `f64` computes in double precision, in JavaScript only. */
  readonly precision?: "f32" | "f64";
  /**
   * How convolutions are computed: `strict` by the definition, `fast` by Winograd's algorithm where that is faster. By default as
   * the model says; where it says nothing `fast`, but `strict` in double precision.
   */
  readonly numerics?: "strict" | "fast";
  /** Whether kernels run depth first, a few samples at a time; by default where that saves memory traffic. */
  readonly blocks?: Target["blocks"];
  /** Kernels are checked one by one for values that are not finite (slower). */
  readonly checkFinite?: boolean;
  /** WebAssembly that any number of threads can run, one too; the default. */
  readonly threads?: boolean;
  /** Function names in the WebAssembly, for profilers. */
  readonly names?: boolean;
  /** Checks the IR between passes. */
  readonly verify?: boolean;
  /** Sees the module after elaboration and after each pass. */
  readonly observe?: (stage: string, module: Module) => void;
}

export interface Compilation {
  readonly manifest: Manifest;
  readonly target: Target;
  readonly wasm: Uint8Array | null;
  /** The kernels as an ES module that exports `instantiate()`. */
  readonly js: string | null;
  readonly report: { readonly kernels: readonly KernelReport[]; readonly memory: MemoryReport };
  readonly warnings: readonly Diagnostic[];
  /** What the backends were given, and how the graph was cut into kernels. */
  readonly loops: LoopModule;
  readonly schedules: readonly Blocked[];
  /** For `createTrainer`: the WebAssembly kernels, or the JavaScript ones as a module loaded by the caller. */
  executable(load?: (js: string) => Promise<{ instantiate(): Engine }>): Executable;
}

/** The model's syntax tree and those of what it imports. */
export function parseSource(source: string, { file = "model", files = {} }: CompileOptions): SyntaxTree {
  const find: Files =
    typeof files === "function"
      ? files
      : (path) =>
          Object.hasOwn(files, path)
            ? { text: files[path] }
            : { problem: "there is no such file", candidates: Object.keys(files) };
  return parseWithImports({ name: file, text: source }, find);
}

/** Throws CompileError with every diagnostic of the phase that failed. */
export function compile(source: string, options: CompileOptions = {}): Compilation {
  const { backend = "wasm", precision = "f32" } = options;
  if (precision === "f64" && backend === "wasm") throw new RangeError('precision "f64" needs backend "js"');
  const tree = parseSource(source, options);
  const model = elaborate(tree, { overrides: options.overrides, batch: options.batch });
  const target: Target = {
    backend,
    lanes: backend === "wasm" ? 4 : 1,
    floatBytes: precision === "f64" ? 8 : 4,
    numerics: options.numerics ?? model.train.numerics ?? (precision === "f64" ? "strict" : "fast"),
    blocks: backend === "js" || options.checkFinite ? "never" : (options.blocks ?? "auto"),
    convolution: model.train.convolution,
  };
  let advice: readonly Diagnostic[] = [];
  const observe = (stage: string, seen: Module): void => {
    if (stage === "simplify") advice = adviceOn(seen);
    options.observe?.(stage, seen);
  };
  const module = runPasses(model.module, model.builder, { target, verify: options.verify, observe });
  const layouts = new Layouts();
  const schedules = planPrograms(module, layouts, target, options.checkFinite);
  const assembled = assemble(module, schedules, layouts, target, options.checkFinite ?? false);
  refuseTooLarge(assembled.memory, model.module);

  const { names } = options;
  const wasmOptions = { names, warmUp: ["train_step", "update"] };
  const team = backend === "wasm" && (options.threads ?? true) ? emitTeamWasm(assembled.loops, wasmOptions) : null;
  const manifest: Manifest = {
    ...assembled.manifest,
    ...(team && { threads: { most: MOST_THREADS, ...team.memory } }),
    lr: model.lr && hostExpr(model.lr),
    data: model.data,
    ...(model.measures.length > 0 && { measures: model.measures }),
    ...(model.requirements.length > 0 && { requirements: model.requirements.map(requirement) }),
    train: model.train,
  };
  const wasm = team?.bytes ?? (backend === "wasm" ? emitWasm(assembled.loops, wasmOptions) : null);
  const js = backend === "js" ? emitJs(assembled.loops) : null;
  return {
    manifest,
    target,
    wasm,
    js,
    report: { kernels: assembled.kernels, memory: assembled.memory },
    warnings: [...model.warnings, ...advice],
    loops: assembled.loops,
    schedules,
    executable: (load) => ({
      manifest,
      ...(wasm && team && { kernels: { wasm } }),
      instantiate: () => (wasm ? instantiateWasm(wasm, manifest) : load!(js!).then((loaded) => loaded.instantiate())),
    }),
  };
}

/** Cuts each program into kernels, orders them, and decides which run for a few samples at a time. */
export function planPrograms(module: Module, layouts: Layouts, target: Target, storeAll = false): Blocked[] {
  const options = { batch: module.batch, target, layouts };
  const addsUp = (value: Value) => addsUpInTeams(value, options);
  const schedules = module.programs.map((program) => schedule(fuse(program, { storeAll, addsUp })));
  const joined = storeAll ? schedules : joinUpdates(schedules, module, layouts);
  return joined.map((plan) => planBlocks(plan, options));
}

function requirement({ program, condition, message, span }: ProgramRequirement): ManifestRequirement {
  return { program, condition: hostExpr(condition), message, place: place(span) };
}

/** The kernels of a WebAssembly module as the runtime calls them. */
async function instantiateWasm(bytes: Uint8Array, { threads }: Manifest): Promise<Engine> {
  const own = threads && new WebAssembly.Memory({ initial: threads.pages, maximum: threads.pages });
  const imports: WebAssembly.Imports = own ? { env: { memory: own } } : {};
  const { instance } = await WebAssembly.instantiate(bytes as Uint8Array<ArrayBuffer>, imports);
  const exports = instance.exports as Record<string, (...args: number[]) => number>;
  const memory = own ?? (instance.exports.memory as WebAssembly.Memory);
  return {
    memory: memory.buffer,
    run: (program, n) => exports[program](n, 0, 1),
    warmUp: () => void exports.warm_up?.(),
  };
}
