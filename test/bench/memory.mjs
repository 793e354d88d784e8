/** Peak resident memory of `mlc train`, beside the dataset. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { round } from "./statistics.mjs";

const MB = 1e6;

/** `data` are the arguments that choose the dataset; `datasetBytes` is what it takes in memory. */
export function measureMemory({ mlc, model, args, datasetBytes }) {
  const folder = mkdtempSync(join(tmpdir(), "mlc-bench-"));
  const report = join(folder, "peak.json");
  try {
    const probe = new URL("report-peak.mjs", import.meta.url).href;
    const { status, stderr } = spawnSync(process.execPath, ["--import", probe, mlc, "train", model, ...args], {
      encoding: "utf8",
      env: { ...process.env, MLC_PEAK_REPORT: report },
    });
    if (status !== 0) throw new Error(`mlc train failed:\n${stderr}`);
    const { maxRSS } = JSON.parse(readFileSync(report, "utf8"));
    const peak = maxRSS * 1024;
    return {
      peakMB: round(peak / MB),
      datasetMB: round(datasetBytes / MB),
      besideMB: round((peak - datasetBytes) / MB),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
