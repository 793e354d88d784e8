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
  /** GFLOP/s that the machine did between the steps: clocks change from minute to minute. */
  readonly peaks: number[];
}

const PROGRAM = "train_step";
/** Steps and milliseconds that do not count: a system takes a while to give two threads a core each. */
const WARM_UP = { steps: 5, milliseconds: 300 };
/** Steps between two measurements of the machine. */
const BETWEEN = 4;

interface Options {
  readonly steps: number;
  readonly threads: number;
}

export async function timeKernels(compilation: Compilation, options: Options, limits: Limits): Promise<StepTimes> {
  const { loops } = compilation;
  const kernels = kernelsOf(compilation);
  const [steps, waiting, peaks]: number[][] = [[], [], []];
  // One trainer after the other: in turns, each would find the other's data in the caches.
  await train(compilation, await startPrograms(loops, options.threads), options, async (step) => {
    const start = performance.now();
    await step();
    steps.push(performance.now() - start);
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
  await train(compilation, { ...clocked, run }, options, async (step) => {
    if (waiting.length % BETWEEN === 0) {
      peaks.push(limits.gflops());
      // Threads that fell asleep meanwhile would be waited for in the first kernel.
      await step();
    }
    sums = new Float64Array(kernels.length + 1);
    await step();
    waiting.push(sums[kernels.length]);
    kernels.forEach(({ milliseconds }, i) => milliseconds.push(sums[i]));
  });
  return { steps, kernels, waiting, peaks };
}

function kernelsOf({ loops, manifest, report }: Compilation): KernelTime[] {
  const calls = callsOf(loops.programs.find(({ name }) => name === PROGRAM)!);
  const cost = mathCosts();
  return report.kernels
    .filter(({ program }) => program === PROGRAM)
    .map(({ kernel, output, flops, bytes }, i) => {
      const executed = executedFlops(calls[i].kernel, manifest.batch);
      const operations = executedOperations(calls[i].kernel, manifest.batch, cost);
      return { kernel, output, flops, executed, operations, bytes, milliseconds: [] };
    });
}

type Round = (step: () => Promise<unknown>) => Promise<void>;

async function train({ manifest }: Compilation, engine: Engine, { steps }: Options, round: Round): Promise<void> {
  const trainer = await createTrainer({ manifest, instantiate: async () => engine });
  const batch = noise(manifest);
  await trainer.measure(batch);
  const step = () => trainer.step(batch);
  const start = performance.now();
  for (let i = 0; i < WARM_UP.steps || performance.now() - start < WARM_UP.milliseconds; i++) await step();
  for (let i = 0; i < steps; i++) await round(step);
  trainer.dispose();
}
