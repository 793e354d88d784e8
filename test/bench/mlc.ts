/** What the benchmarks measure of mlc: whole training steps, and each of their kernel calls. */

import { emitWasm } from "../../compiler/4-codegen/wasm-backend.ts";
import { executedFlops } from "../../compiler/cli/bench/executed.ts";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import type { Call } from "../../compiler/ir/loops.ts";
import { createTrainer, type Engine, wasmEngine } from "../../runtime/index.ts";

export interface KernelTime {
  readonly kernel: string;
  readonly output: string;
  /** By the operation's definition, and those that the kernel executes. */
  readonly flops: number;
  readonly executed: number;
  /** Of each step. */
  readonly milliseconds: number[];
}

export interface Stepper {
  /** The milliseconds of so many training steps. */
  times(count: number): Promise<number[]>;
}

const PROGRAM = "train_step";

/** One full batch of noise: times do not depend on the values, as long as they are finite. */
function noise(batch: number): { image: Uint8Array; label: Uint8Array } {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  return {
    image: Uint8Array.from({ length: batch * 3 * 32 * 32 }, random),
    label: Uint8Array.from({ length: batch }, () => random() % 10),
  };
}

export async function startSteps(source: string, options: CompileOptions): Promise<Stepper> {
  const trainer = await createTrainer(compile(source, options).executable());
  const batch = noise(trainer.manifest.batch);
  const step = async () => {
    const start = performance.now();
    await trainer.step(batch);
    return performance.now() - start;
  };
  return {
    async times(count) {
      const milliseconds: number[] = [];
      while (milliseconds.length < count) milliseconds.push(await step());
      return milliseconds;
    },
  };
}

/** Each call of a training step timed on its own, in the order and on the values of real steps. */
export async function timeKernels(source: string, options: CompileOptions, steps: number): Promise<KernelTime[]> {
  // Kernels that ran for a few samples at a time could not be called one by one.
  const compilation = compile(source, { ...options, blocks: "never" });
  const { loops, manifest, report } = compilation;
  const calls = loops.programs.find((program) => program.name === PROGRAM)!.steps as readonly Call[];
  const single = calls.map((call, i) => ({ name: `${PROGRAM}.${i}`, steps: [call] }));
  const engine = await wasmEngine(emitWasm({ ...loops, programs: [...loops.programs, ...single] }));
  const times = report.kernels
    .filter(({ program }) => program === PROGRAM)
    .map(({ kernel, output, flops }, i): KernelTime => {
      return { kernel, output, flops, executed: executedFlops(calls[i].kernel, manifest.batch), milliseconds: [] };
    });
  const timed: Engine = {
    memory: engine.memory,
    run(program, n) {
      if (program !== PROGRAM) return engine.run(program, n);
      times.forEach(({ milliseconds }, i) => {
        const start = performance.now();
        engine.run(`${PROGRAM}.${i}`, n);
        milliseconds.push(performance.now() - start);
      });
      return 0;
    },
  };
  const trainer = await createTrainer({ manifest, instantiate: async () => timed });
  const batch = noise(manifest.batch);
  for (let step = 0; step < steps; step++) await trainer.step(batch);
  return times;
}
