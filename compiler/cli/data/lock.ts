/** One process at a time fetches into a directory; the others wait for it. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Interrupted, systemCode } from "../errors.ts";

const POLL_MS = 300;

/** Takes the lock, waiting for its holder; a holder that has died is ignored. Returns what releases it. */
export async function lock(
  path: string,
  interrupt: AbortSignal,
  onWait: (holder: number) => void,
): Promise<() => void> {
  for (let waited = false; ; waited = true) {
    if (take(path)) return () => rmSync(path, { force: true });
    const holder = Number(readHolder(path));
    if (holder > 0 && !isAlive(holder)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!waited) onWait(holder);
    await sleep(POLL_MS);
    if (interrupt.aborted) throw new Interrupted();
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Empty while the holder is writing it, or if it went away. */
function readHolder(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
