/**
 * A process of its own that runs steps when asked: a line "N" is answered by { milliseconds, results }, the times of N steps and what
 * those of the first few that were among them gave: the loss, or the network's output.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Rejects if the process ends before it answers, or takes longer than the limit; its last words say why. */
export async function startWorker(command, args, { env = {}, limit }) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  let words = "";
  child.stderr.on("data", (data) => {
    words = (words + data).slice(-4000);
  });
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise((_, reject) => {
    child.on("error", reject);
  });
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(reasonIn(words) ?? `${command} ended before it answered`);
    return JSON.parse(value);
  };
  const read = async (tooLong) => {
    const timer = new AbortController();
    try {
      return await Promise.race([answer(), failed, expired(limit, timer.signal, tooLong)]);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    } finally {
      timer.abort();
    }
  };
  const facts = await read(new Error(`it was not ready within ${limit} s (--limit)`));
  return {
    facts,
    run(count) {
      child.stdin.write(`${count}\n`);
      return read(new TooSlow(count, limit));
    },
    stop: () => child.kill("SIGKILL"),
  };
}

/** Steps that took longer than the limit. */
export class TooSlow extends Error {
  constructor(steps, seconds) {
    super(`${steps === 1 ? "one step" : `${steps} steps`} took more than ${seconds} s (--limit)`);
    /** At least what one of them takes. */
    this.milliseconds = (1000 * seconds) / steps;
  }
}

function expired(seconds, signal, error) {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => reject(error), 1000 * seconds);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });
}

/** Of an error's text: the line that names it, as Node and Python write it. */
function reasonIn(words) {
  const lines = words.trim().split("\n");
  return lines.findLast((line) => /^\S*(Error|Exception)\b.*: /.test(line)) ?? (lines.at(-1) || null);
}

/** Of the first so many steps, what they gave. */
const KEPT = 3;

/** The other side: says what it is, then runs `step` as often as each line says. */
export async function serveSteps(facts, step) {
  console.log(JSON.stringify(facts));
  let done = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    const [milliseconds, results] = [[], []];
    while (milliseconds.length < Number(line)) {
      const start = performance.now();
      const result = await step();
      milliseconds.push(performance.now() - start);
      if (done++ < KEPT) results.push([...result]);
    }
    console.log(JSON.stringify({ milliseconds, results }));
  }
}
