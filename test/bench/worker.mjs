/** A process of its own that times steps when asked: a line "N" is answered by a JSON list of N milliseconds. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Rejects if the process ends before it answers; its last words say why. */
export async function startWorker(command, args, env = {}) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  let words = "";
  child.stderr.on("data", (data) => {
    words = (words + data).slice(-2000);
  });
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(words.trim().split("\n").at(-1) || `${command} ended before it answered`);
    return JSON.parse(value);
  };
  const facts = await read();
  return {
    facts,
    times(count) {
      child.stdin.write(`${count}\n`);
      return read();
    },
    stop: () => child.kill(),
  };
}

/** The other side: says what it is, then runs `step` as often as each line says. */
export async function serveSteps(facts, step) {
  console.log(JSON.stringify(facts));
  for await (const line of createInterface({ input: process.stdin })) {
    const times = [];
    while (times.length < Number(line)) {
      const start = performance.now();
      await step();
      times.push(performance.now() - start);
    }
    console.log(JSON.stringify(times));
  }
}
