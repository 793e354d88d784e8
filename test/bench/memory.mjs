/** Peak resident memory of `mlc train`, beside the dataset. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { round } from "./statistics.mjs";

const MB = 1e6;

/** CIFAR-10 in memory: 60,000 records of 3073 bytes. */
const DATASET = 60_000 * 3073;
/** Enough for every kernel to be compiled by the optimising tier, and for evaluation not to begin. */
const STEPS = 100;

export function measureMemory({ mlc, model }) {
  const folder = mkdtempSync(join(tmpdir(), "mlc-bench-"));
  const report = join(folder, "peak.json");
  try {
    const probe = new URL("report-peak.mjs", import.meta.url).href;
    const args = ["--import", probe, mlc, "train", model, "--steps", String(STEPS), "--quiet"];
    const { status, stderr } = spawnSync(process.execPath, args, {
      encoding: "utf8",
      env: { ...process.env, MLC_PEAK_REPORT: report },
    });
    if (status !== 0) throw new Error(`mlc train failed:\n${stderr}`);
    const peak = JSON.parse(readFileSync(report, "utf8")).maxRSS * 1024;
    return { peakMB: round(peak / MB), datasetMB: round(DATASET / MB), besideMB: round((peak - DATASET) / MB) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
