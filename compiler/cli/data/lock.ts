/** One process at a time fetches into a directory; the others wait for it. */
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Interrupted, systemCode } from "../errors.ts";
import { isGone } from "../processes.ts";

export interface LockOptions {
  readonly interrupt: AbortSignal;
  readonly onWait: (holder: number) => void;
  /** Milliseconds without a sign of life after which the holder counts as dead. */
  readonly staleMs?: number;
}

const POLL_MS = 300;

/**
 * Takes the lock, waiting for its holder. A holder that has died is ignored: its number is no process's or this one's, or it
 * gives no sign of life (numbers of processes are used again, in containers soon, and another machine's mean nothing here).
 * Returns what releases it.
 */
export async function lock(path: string, { interrupt, onWait, staleMs = 30_000 }: LockOptions): Promise<() => void> {
  let seen = { sign: 0, at: 0 };
  for (let waited = false; ; waited = true) {
    if (take(path)) return keep(path, staleMs / 5);
    const holder = Number(readHolder(path));
    const sign = signOf(path);
    if (sign !== seen.sign) seen = { sign, at: performance.now() };
    // This process is not holding it.
    const isDead = holder > 0 && (holder === process.pid || isGone(holder));
    if (isDead || performance.now() - seen.at > staleMs) {
      rmSync(path, { force: true });
      continue;
    }
    if (!waited) onWait(holder);
    await sleep(Math.min(POLL_MS, staleMs), undefined, { signal: interrupt }).catch(() => {});
    if (interrupt.aborted) throw new Interrupted();
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    // It was made, but a full disk did not take its content.
    if (readHolder(path) === "") rmSync(path, { force: true });
    throw error;
  }
}

/** Gives signs of life until the lock is released. */
function keep(path: string, everyMs: number): () => void {
  const timer = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // Someone removed it: nothing is left to keep.
    }
  }, everyMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    rmSync(path, { force: true });
  };
}

/** When the holder last gave a sign of life; by its clock, so it only tells whether there was another. */
function signOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Empty while the holder is writing it, or if it went away. */
function readHolder(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
