/** Preloaded into a process: when it ends, writes what it used (kilobytes, microseconds) to the file MLC_PEAK_REPORT. */
import { writeFileSync } from "node:fs";

process.on("exit", () => writeFileSync(process.env.MLC_PEAK_REPORT, JSON.stringify(process.resourceUsage())));
