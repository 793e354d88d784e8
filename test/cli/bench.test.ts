/** `mlc bench`: what it reports of a step; the times themselves are the machine's. */
import { expect, test } from "vitest";
import { executedOperations } from "../../compiler/cli/bench/executed.ts";
import { mathCosts } from "../../compiler/cli/bench/math-cost.ts";
import type { BenchReport, KernelRow } from "../../compiler/cli/bench/report.ts";
import { compile } from "../../compiler/compile.ts";
import { callsOf } from "../../compiler/ir/loops.ts";
import { mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const model = work.file("small.model", SMALL);

async function bench(...args: string[]): Promise<BenchReport> {
  const { code, stdout, stderr } = await mlc(["bench", model, "--steps", "3", "--json", ...args]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

test.each([1, 2])("every kernel of a step, with its work and its rates, on %i thread(s)", async (threads) => {
  const report = await bench("--threads", String(threads), "--batch", "16");
  expect(report).toMatchObject({ batch: 16, threads, numerics: "fast", step: { steps: 3 } });
  expect(report.machine.gflops).toBeGreaterThan(0);
  expect(report.machine.gbytes).toBeGreaterThan(0);
  const share = report.kernels.reduce((sum, kernel) => sum + kernel.share, 0);
  expect(share).toBeCloseTo(1, 6);
  const sorted = report.kernels.map(({ milliseconds }) => milliseconds);
  expect([...sorted].sort((a, b) => b - a)).toEqual(sorted);
  if (threads === 1) expect(report.waiting).toBe(0);
  else expect(report.waiting).toBeGreaterThanOrEqual(0);
  for (const kernel of report.kernels) {
    expect(kernel.milliseconds).toBeGreaterThan(0);
    expect(kernel.best).toBeLessThanOrEqual(kernel.milliseconds);
    expect(kernel.of_roofline).toBe(Math.max(kernel.of_peak, kernel.of_bandwidth));
  }
});

test("counts the arithmetic of the definition, and what is executed of it", async () => {
  const { kernels } = await bench("--batch", "16", "--numerics", "strict");
  const isFc = ({ kernel, output }: KernelRow) => kernel.startsWith("matmul") && output === "f32[n, 10]";
  const fc = kernels.find(isFc)!;
  expect(fc.mflop).toBe((2 * 16 * 128 * 10) / 1e6);
  const gradient = kernels.find(({ kernel }) => kernel.startsWith("conv2d_grad_weight"))!;
  expect(gradient.mflop).toBe((2 * 16 * 8 * 8 * 8 * 3 * 3 * 3) / 1e6);
  // Products with the zeros around the image are left out.
  expect(gradient.executed_mflop).toBeLessThan(gradient.mflop);
});

test("counts the integers of random masks, and what functions are made of", () => {
  const cost = mathCosts();
  expect(cost("sqrt")).toBe(1);
  expect(cost("exp")).toBeGreaterThan(10);
  expect(cost("sin")).toBeGreaterThan(cost("sin_pair"));
  /** Of one sample. */
  const executed = (source: string) => {
    const { loops } = compile(source);
    const step = loops.programs.find(({ name }) => name === "train_step")!;
    const sum = (n: number) => callsOf(step).reduce((all, call) => all + executedOperations(call.kernel, n, cost), 0);
    return (sum(32) - sum(16)) / 16;
  };
  const numbers = 8 * 4 * 4;
  const ofNumber = (executed(SMALL) - executed(SMALL.replace("dropout(0.1)", ""))) / numbers;
  // Ten rounds of some eight instructions make two numbers.
  expect(ofNumber).toBeGreaterThan(40);
  expect(ofNumber).toBeLessThan(80);
});

test("a table for people", async () => {
  const { code, stdout } = await mlc(["bench", model, "--steps", "2", "--numerics", "strict", "--batch", "8"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^training step \d+\.\d\d ms \(median of 2, best .*\): batch of 8 samples, 1 thread, numerics strict$/m,
  );
  expect(stdout).toMatch(/^machine: \d+\.\d GFLOP\/s in SIMD, \d+\.\d GB\/s from memory$/m);
  expect(stdout).toMatch(/^kernels above 5% of the step and below 40% of their roofline: (none|.* \(\d+%, \d+%\))$/m);
  expect(stdout).toMatch(/^ *ms +share +Mflop +Mop +MB +GFLOP\/s +of peak +GB\/s +of memory +of roofline +kernel$/m);
  expect(stdout).toMatch(/^ *\d+\.\d{3} .* \d+% {2}matmul\S* f32\[n, 10\]$/m);
});

test("a model that measures its training data first", async () => {
  const measured = work.file("measured.model", SMALL.replace("eval_size = 90)", "eval_size = 90) { normalize }"));
  expect((await mlc(["bench", measured, "--steps", "1", "--json"])).code).toBe(0);
});
