/** An artifact in a fresh process: milliseconds until its trainer stands, and of each of its first steps. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { median, round, summary } from "./statistics.mjs";

const STEPS = 30;
const self = fileURLToPath(import.meta.url);

export function measureStartup({ mlc, models, threads, repeats }) {
  return models.map((model) => {
    const name = basename(model, ".model");
    const folder = mkdtempSync(join(tmpdir(), "mlc-bench-"));
    try {
      run([mlc, "build", model, "-o", folder]);
      const artifact = pathToFileURL(join(folder, `${name}.js`)).href;
      return { name, runs: threads.map((t) => ({ threads: t, ...firstSteps(artifact, t, repeats) })) };
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function firstSteps(artifact, threads, repeats) {
  const runs = Array.from({ length: repeats }, () => JSON.parse(run([self, artifact, String(threads)])));
  const step = (i) => round(median(runs.map(({ steps }) => steps[i])));
  return {
    load: summary(runs.map(({ load }) => load)),
    first: summary(runs.map(({ steps }) => steps[0])),
    steps: Array.from({ length: STEPS }, (_, i) => step(i)),
  };
}

function run(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} failed:\n${stderr}`);
  return stdout;
}

/** The fresh process: `node startup.mjs ARTIFACT THREADS`. */
async function report(artifact, threads) {
  const start = performance.now();
  const { createTrainer } = await import(artifact);
  const trainer = await createTrainer({ threads });
  const load = performance.now() - start;
  const { inputs, batch } = trainer.manifest;
  const columns = inputs.map(({ name, shape, classes = 256 }) => {
    const length = shape.reduce((size, dim) => size * dim, batch);
    return [name, Uint8Array.from({ length }, (_, i) => (i * 7919) % classes)];
  });
  const data = Object.fromEntries(columns);
  const steps = [];
  while (steps.length < STEPS) {
    const before = performance.now();
    await trainer.step(data);
    steps.push(performance.now() - before);
  }
  trainer.dispose();
  console.log(JSON.stringify({ load, steps }));
}

if (process.argv[1] === self) await report(process.argv[2], Number(process.argv[3]));
