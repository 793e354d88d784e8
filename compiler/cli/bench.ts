/** `mlc bench`: how fast a training step is, kernel by kernel, against what the machine can do. */
import type { Command } from "commander";
import type { Io } from "./io.ts";
import { addModelOptions, type ModelOptions, wholeNumber } from "./options.ts";

interface BenchOptions extends ModelOptions {
  readonly steps: number;
  readonly threads: number;
}

export function addBench(program: Command, io: Io): void {
  const command = program
    .command("bench")
    .description(
      "time a training step and each of its kernels on random samples, against the machine's measured limits",
    )
    .argument("<file>", "the .model file")
    .option("--steps <n>", "training steps to time", wholeNumber(1), 20)
    .option("--threads <n>", "threads of the kernels", wholeNumber(1, 64), 1);
  addModelOptions(command)
    .option("--json", "print JSON")
    .action((file: string, options: BenchOptions) => bench(file, options, io));
}

async function bench(file: string, options: BenchOptions, io: Io): Promise<void> {
  const { compileModel } = await import("./model.ts");
  const { startLimits } = await import("./bench/machine.ts");
  const { timeKernels } = await import("./bench/kernels.ts");
  const { benchReport, benchTable } = await import("./bench/report.ts");
  const { steps, threads } = options;
  const compilation = await compileModel(file, options, io);
  const limits = await startLimits(threads);
  const gbytes = limits.gbytes();
  const times = await timeKernels(compilation, { steps, threads }, limits);
  limits.dispose();
  const { batch } = compilation.manifest;
  const report = benchReport(times, { batch, threads, numerics: compilation.target.numerics }, gbytes);
  io.stdout.write(options.json ? `${JSON.stringify(report)}\n` : benchTable(report));
}
