/** Each kernel of a training step: its time, its rate, and that rate against the core's measured SIMD peak. */
import { measurePeak } from "./peak.mjs";
import { median, round } from "./statistics.mjs";

const WARM_UP = 10;

export async function measureKernels(mlc, source, { overrides, steps }) {
  // The peak is the better of two moments: other load can only lower it.
  const before = await measurePeak();
  const times = await mlc.timeKernels(source, { overrides, batch: 64 }, WARM_UP + steps);
  const after = await measurePeak();
  const peak = Math.max(before.gflops, after.gflops);
  const calls = times.map(({ kernel, output, flops, executed, milliseconds }) => {
    const time = median(milliseconds.slice(WARM_UP));
    const best = Math.min(...milliseconds.slice(WARM_UP));
    const gflops = { definition: round(flops / time / 1e6), executed: round(executed / time / 1e6) };
    // The best time: what the kernel can do, whatever else the machine did.
    return {
      kernel,
      output,
      milliseconds: round(time),
      best: round(best),
      gflops,
      best_of_peak: round(executed / best / 1e6 / peak),
    };
  });
  return {
    peak_gflops: round(peak),
    milliseconds: round(calls.reduce((sum, call) => sum + call.milliseconds, 0)),
    calls,
  };
}
