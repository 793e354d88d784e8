/** Times each kernel call of a training step on its own, in the order and on the values of real steps. */
import type { Engine } from "../../../runtime/abi.ts";
import { createTrainer } from "../../../runtime/index.ts";
import type { Compilation } from "../../compile.ts";
import { noise } from "./batch.ts";
import { startPrograms } from "./engine.ts";
import { executedFlops } from "./executed.ts";

export interface KernelTime {
  readonly kernel: string;
  readonly output: string;
  /** By the operation's definition, and those that the kernel executes. */
  readonly flops: number;
  readonly executed: number;
  /** Of all that it reads and writes, each byte once. */
  readonly bytes: number;
  /** Of each step. */
  readonly milliseconds: number[];
}

export interface StepTimes {
  /** Of whole steps, as they run in training. */
  readonly steps: number[];
  readonly kernels: readonly KernelTime[];
}

const PROGRAM = "train_step";
const WARM_UP = 5;

export async function timeKernels(
  { loops, manifest, report }: Compilation,
  options: { readonly steps: number; readonly threads: number },
): Promise<StepTimes> {
  const { calls } = loops.programs.find(({ name }) => name === PROGRAM)!;
  const single = calls.map((call, i) => ({ name: `${PROGRAM}.${i}`, calls: [call] }));
  const engine = await startPrograms({ ...loops, programs: [...loops.programs, ...single] }, options.threads);
  const kernels = report.kernels
    .filter(({ program }) => program === PROGRAM)
    .map(({ kernel, output, flops, bytes }, i): KernelTime => {
      const executed = executedFlops(calls[i].kernel, manifest.batch);
      return { kernel, output, flops, executed, bytes, milliseconds: [] };
    });
  const steps: number[] = [];
  let round = -WARM_UP;
  const timed: Engine = {
    memory: engine.memory,
    dispose: () => engine.dispose?.(),
    run(program, n) {
      if (program !== PROGRAM) return engine.run(program, n);
      // Whole steps in turn with steps in single calls.
      if (round % 2 === 0) return time(round < 0 ? null : steps, () => engine.run(program, n));
      kernels.forEach(({ milliseconds }, i) => {
        time(round < 0 ? null : milliseconds, () => engine.run(`${PROGRAM}.${i}`, n));
      });
      return 0;
    },
  };
  const trainer = await createTrainer({ manifest, instantiate: async () => timed });
  const batch = noise(manifest);
  for (; round < 2 * options.steps; round++) await trainer.step(batch);
  trainer.dispose();
  return { steps, kernels };
}

function time(into: number[] | null, run: () => number): number {
  const start = performance.now();
  const result = run();
  into?.push(performance.now() - start);
  return result;
}
