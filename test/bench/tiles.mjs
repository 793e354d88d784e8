/** Prints the rate of hand-written register tiles against the measured peak: what the WASM backend itself costs. */
import { importTypeScript } from "./bundle.mjs";
import { measurePeak } from "./peak.mjs";
import { round } from "./statistics.mjs";

const RUNS = 200;

const { cases } = await importTypeScript(new URL("./tiles.ts", import.meta.url));
const { gflops: peak } = await measurePeak();
const kernels = cases().map(({ name, flops, run }) => {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  const gflops = flops / best / 1e6;
  return { name, gflops: round(gflops), of_peak: round(gflops / peak) };
});
console.log(JSON.stringify({ peak_gflops: round(peak), kernels }, null, 2));
