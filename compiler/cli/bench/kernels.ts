/** Times training steps, and the first thread's part of each kernel in a step, where it runs. */
import type { Engine } from "../../../runtime/abi.ts";
import { createTrainer } from "../../../runtime/index.ts";
import { WAITED } from "../../4-codegen/wasm/program.ts";
import type { Compilation } from "../../compile.ts";
import { callsOf } from "../../ir/loops.ts";
import { noise } from "./batch.ts";
import { startClocked, startPrograms } from "./engine.ts";
import { executedFlops, executedOperations } from "./executed.ts";
import type { Limits } from "./machine.ts";
import { mathCosts } from "./math-cost.ts";

export interface KernelTime {
  readonly kernel: string;
  readonly output: string;
  /** By the operation's definition, and those that the kernel executes. */
  readonly flops: number;
  readonly executed: number;
  /** Executed, those of integers and within functions too. */
  readonly operations: number;
  /** Of all that it reads and writes, each byte once. */
  readonly bytes: number;
  /** Of each step. */
  readonly milliseconds: number[];
}

export interface StepTimes {
  /** Of whole steps, as they run in training. */
  readonly steps: number[];
  readonly kernels: readonly KernelTime[];
  /** Of each step: until the other threads had done their last samples. */
  readonly waiting: number[];
  /** GFLOP/s that the machine did at best between the steps: clocks change from minute to minute. */
  readonly peaks: number[];
}

const PROGRAM = "train_step";
const WARM_UP = 5;

export async function timeKernels(
  compilation: Compilation,
  options: { readonly steps: number; readonly threads: number },
  limits: Limits,
): Promise<StepTimes> {
  const { loops, manifest, report } = compilation;
  const calls = callsOf(loops.programs.find(({ name }) => name === PROGRAM)!);
  const cost = mathCosts();
  const kernels = report.kernels
    .filter(({ program }) => program === PROGRAM)
    .map(({ kernel, output, flops, bytes }, i): KernelTime => {
      const executed = executedFlops(calls[i].kernel, manifest.batch);
      const operations = executedOperations(calls[i].kernel, manifest.batch, cost);
      return { kernel, output, flops, executed, operations, bytes, milliseconds: [] };
    });
  const batch = noise(manifest);
  /** One trainer after the other: in turns, each would find the other's data in the caches. */
  const each = async (engine: Engine, round: (step: () => Promise<unknown>, counts: boolean) => Promise<void>) => {
    const trainer = await createTrainer({ manifest, instantiate: async () => engine });
    await trainer.measure(batch);
    for (let i = -WARM_UP; i < options.steps; i++) await round(() => trainer.step(batch), i >= 0);
    trainer.dispose();
  };

  const [steps, waiting, peaks]: number[][] = [[], [], []];
  await each(await startPrograms(loops, options.threads), async (step, counts) => {
    const start = performance.now();
    await step();
    if (counts) steps.push(performance.now() - start);
  });

  let sums = new Float64Array(kernels.length + 1);
  let last = 0;
  const clocked = await startClocked(loops, options.threads, (kernel) => {
    sums[kernel === WAITED ? kernels.length : kernel] += performance.now() - last;
    last = performance.now();
  });
  const run = (program: string, n: number) => {
    last = performance.now();
    return clocked.run(program, n);
  };
  await each({ ...clocked, run }, async (step, counts) => {
    const peak = limits.gflops();
    sums = new Float64Array(kernels.length + 1);
    await step();
    if (!counts) return;
    peaks.push(peak);
    waiting.push(sums[kernels.length]);
    kernels.forEach(({ milliseconds }, i) => milliseconds.push(sums[i]));
  });
  return { steps, kernels, waiting, peaks };
}
