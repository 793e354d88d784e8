/** From measured times to rates, shares and what the machine would allow. */
import { counted } from "../text.ts";
import type { KernelTime, StepTimes } from "./kernels.ts";
import type { Machine } from "./machine.ts";

export interface KernelRow {
  readonly kernel: string;
  readonly output: string;
  /** The median of all steps, and the least. */
  readonly milliseconds: number;
  readonly best: number;
  /** Of the sum of all kernels. */
  readonly share: number;
  /** By the operation's definition, and those that the kernel executes. */
  readonly mflop: number;
  readonly executed_mflop: number;
  /** Executed by the units for floats and vectors, of integers and within functions such as exp too. */
  readonly executed_mop: number;
  readonly mbytes: number;
  /** Executed, in the median time. */
  readonly gflops: number;
  readonly gbytes: number;
  /** All executed operations, of the most floating-point operations that the machine does in that time. */
  readonly of_peak: number;
  readonly of_bandwidth: number;
  /**
   * What the machine would need at least, over the median time: the longer of the executed arithmetic at its peak rate and
   * all bytes from memory. Above 1 where data come from caches.
   */
  readonly of_roofline: number;
}

export interface BenchReport {
  readonly batch: number;
  readonly threads: number;
  readonly numerics: string;
  readonly machine: Machine;
  /** Of whole training steps. */
  readonly step: { readonly median: number; readonly best: number; readonly steps: number };
  /** Milliseconds of a step in which the first thread waits for the others' last samples. */
  readonly waiting: number;
  /** Times are those of the first thread. */
  readonly kernels: readonly KernelRow[];
}

/** A kernel that takes more than this share of a step should not run at less than that part of what the machine allows. */
const [LARGE, SLOW] = [0.05, 0.4];

type Facts = Pick<BenchReport, "batch" | "threads" | "numerics">;

export function benchReport(times: StepTimes, facts: Facts, gbytes: number): BenchReport {
  const { steps, kernels, waiting, peaks } = times;
  const machine = { gflops: Math.max(...peaks), gbytes };
  const total = kernels.reduce((sum, { milliseconds }) => sum + median(milliseconds), 0);
  const rows = kernels.map((kernel) => rowOf(kernel, total, machine));
  return {
    ...facts,
    machine,
    step: { median: median(steps), best: Math.min(...steps), steps: steps.length },
    waiting: median(waiting),
    kernels: rows.sort((a, b) => b.milliseconds - a.milliseconds),
  };
}

function rowOf(time: KernelTime, total: number, machine: Machine): KernelRow {
  const milliseconds = median(time.milliseconds);
  const gflops = time.executed / milliseconds / 1e6;
  const gbytes = time.bytes / milliseconds / 1e6;
  const [ofPeak, ofBandwidth] = [time.operations / milliseconds / 1e6 / machine.gflops, gbytes / machine.gbytes];
  return {
    kernel: time.kernel,
    output: time.output,
    milliseconds,
    best: Math.min(...time.milliseconds),
    share: milliseconds / total,
    mflop: time.flops / 1e6,
    executed_mflop: time.executed / 1e6,
    executed_mop: time.operations / 1e6,
    mbytes: time.bytes / 1e6,
    gflops,
    gbytes,
    of_peak: ofPeak,
    of_bandwidth: ofBandwidth,
    of_roofline: Math.max(ofPeak, ofBandwidth),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const COLUMNS: readonly (readonly [title: string, text: (row: KernelRow) => string])[] = [
  ["ms", (row) => row.milliseconds.toFixed(3)],
  ["share", (row) => percent(row.share)],
  ["Mflop", (row) => row.executed_mflop.toFixed(1)],
  ["Mop", (row) => row.executed_mop.toFixed(1)],
  ["MB", (row) => row.mbytes.toFixed(2)],
  ["GFLOP/s", (row) => row.gflops.toFixed(1)],
  ["of peak", (row) => percent(row.of_peak)],
  ["GB/s", (row) => row.gbytes.toFixed(1)],
  ["of memory", (row) => percent(row.of_bandwidth)],
  ["of roofline", (row) => percent(row.of_roofline)],
  ["kernel", (row) => `${row.kernel} ${row.output}`],
];

const percent = (value: number): string => `${Math.round(100 * value)}%`;

/** `none`, or which kernels with their shares and what they reach. */
function cliffs(kernels: readonly KernelRow[]): string {
  const found = kernels.filter(({ share, of_roofline }) => share > LARGE && of_roofline < SLOW);
  const described = found.map(
    (row) => `${row.kernel} ${row.output} (${percent(row.share)}, ${percent(row.of_roofline)})`,
  );
  return described.join(", ") || "none";
}

export function benchTable({ step, machine, threads, batch, numerics, waiting, kernels }: BenchReport): string {
  const lines = [COLUMNS.map(([title]) => title), ...kernels.map((row) => COLUMNS.map(([, text]) => text(row)))];
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const last = COLUMNS.length - 1;
  const shown = lines.map((line) => line.map((cell, i) => (i === last ? cell : cell.padStart(widths[i]))).join("  "));
  const of = `batch of ${counted(batch, "sample")}, ${counted(threads, "thread")}, numerics ${numerics}`;
  return [
    `training step ${step.median.toFixed(2)} ms (median of ${step.steps}, best ${step.best.toFixed(2)}): ${of}`,
    `machine: ${machine.gflops.toFixed(1)} GFLOP/s in SIMD, ${machine.gbytes.toFixed(1)} GB/s from memory`,
    ...(threads > 1 ? [`the first thread waits for the others' last samples for ${waiting.toFixed(2)} ms`] : []),
    `kernels above ${percent(LARGE)} of the step and below ${percent(SLOW)} of their roofline: ${cliffs(kernels)}`,
    "",
    ...shown,
    "",
  ].join("\n");
}
