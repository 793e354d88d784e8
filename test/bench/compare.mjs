/** Steps of a network, ours and those of peers, in alternating rounds of one run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contenders } from "./contenders.mjs";
import { networks } from "./networks.mjs";
import { median, round, summary } from "./statistics.mjs";
import { startWorker, TooSlow } from "./worker.mjs";

const WARM_UP = 5;
/** Milliseconds of steps before those that count: threads that have slept since the last round may all wake up on one core. */
const SETTLING = 300;
/** Milliseconds of a step, behind the first with its compilation, from which on it is the only one. */
const SLOW = 3000;
/** Relative; float32 networks that compute the same differ by less. */
const SAME = 1e-3;

export async function compareNetwork(network, what, options) {
  const { writeStart } = await import("./start.mjs");
  const folder = mkdtempSync(join(tmpdir(), "mlc-bench-"));
  try {
    await writeStart(network, folder);
    const { batch, optimizer, smoothing, random = false } = networks[network];
    const { numerics, threads, found } = options;
    const list = contenders({ network, what, numerics, folder, optimizer, smoothing }, threads, found);
    const title = `${network} ${what}`;
    const measured = await takeTurns(list, { ...options, title, comparable: what === "forward" || !random });
    return { network, what, batch, numerics, ...measured };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Each contender's times; a worker that fails or takes too long leaves, with a note. */
export async function takeTurns(list, { rounds, steps, limit, title, comparable, progress }) {
  const running = [];
  const leave = (runner, error) => {
    runner.worker?.stop();
    runner.times = [];
    runner.left = error;
  };
  try {
    for (const contender of list) {
      progress(`${title}: ${contender.name}, first step`);
      const runner = { ...contender, times: [], results: [] };
      running.push(runner);
      await warmUp(runner, limit).catch((error) => leave(runner, error));
    }
    for (let turn = 0; turn < rounds; turn++) {
      progress(`${title}: round ${turn + 1} of ${rounds}`);
      for (const runner of running) {
        if (runner.left || runner.slow) continue;
        const settled = runner.worker.run(Math.ceil(SETTLING / runner.usual));
        await settled.then(() => runSteps(runner, steps)).catch((error) => leave(runner, error));
      }
    }
  } finally {
    for (const { worker } of running) worker?.stop();
  }
  const there = running.filter(({ left }) => !left);
  const notes = running.filter(({ left }) => left).map((runner) => whyLeft(runner, there));
  const agreement = comparable ? differences(there) : {};
  for (const [name, difference] of Object.entries(agreement)) {
    if (!(difference < SAME)) notes.push(`${name} computes something else: its results differ by ${difference}`);
  }
  return { ...report(there), agreement, notes };
}

/** Of whom a step takes too long it is known by how much at least. */
function whyLeft({ name, threads, left }, there) {
  const ours = there.findLast((other) => !other.peer && (threads === null || other.threads === threads));
  const known = left instanceof TooSlow && ours;
  const times = known && Math.floor(left.milliseconds / median(ours.times.flat()));
  return `${name} is left out: ${left.message}${known ? `, over ${times} times as long as ${ours.name}` : ""}`;
}

async function warmUp(runner, limit) {
  const [command, ...args] = runner.command;
  runner.worker = await startWorker(command, args, { limit });
  runner.facts = runner.worker.facts;
  const first = await runner.worker.run(1);
  runner.results.push(...first.results);
  if (first.milliseconds[0] > SLOW) {
    await runSteps(runner, 1);
    runner.slow = runner.times.flat()[0] > SLOW;
    // Its one step has been timed: it takes nothing from the others any more.
    if (runner.slow) return runner.worker.stop();
    runner.times = [];
  }
  const { milliseconds, results } = await runner.worker.run(WARM_UP - 1);
  runner.results.push(...results);
  runner.usual = Math.max(1, median(milliseconds));
}

async function runSteps(runner, count) {
  const { milliseconds, results } = await runner.worker.run(count);
  runner.times.push(milliseconds);
  runner.results.push(...results);
}

/** How far each one's first results are from the first contender's, relative to the largest of them. */
function differences([reference, ...others]) {
  const distance = (theirs, ours) => {
    const largest = Math.max(...ours.map(Math.abs));
    return Math.max(...theirs.map((value, i) => Math.abs(value - ours[i]))) / largest;
  };
  const entries = others.map(({ name, results }) => {
    const each = results.slice(0, reference.results.length).map((result, i) => distance(result, reference.results[i]));
    return [name, round(Math.max(...each))];
  });
  return Object.fromEntries(entries);
}

/** Times of every step; the peers' times over ours on as many threads (on the most, for those of one thread). */
function report(list) {
  const milliseconds = Object.fromEntries(list.map(({ name, times }) => [name, summary(times.flat())]));
  const mine = list.filter(({ peer }) => !peer);
  const ratios = list
    .filter(({ peer }) => peer)
    .flatMap(({ name, threads, times }) => {
      const ours = mine.filter((m) => threads === null || m.threads === threads);
      return ours.map((m) => [threads === null ? `${name} / ${m.name}` : name, spread(times, m.times)]);
    });
  const versions = Object.fromEntries(list.filter(({ peer }) => peer).map(({ name, facts }) => [name, facts.version]));
  return { milliseconds, ratios: Object.fromEntries(ratios), fastest: fastest(list, mine), versions };
}

/** Round by round, then the median and the extremes; who ran in one round alone is held against the median of all. */
function spread(theirs, ours) {
  const whole = median(ours.map(median));
  const each = theirs.map((times, i) => median(times) / (theirs.length === ours.length ? median(ours[i]) : whole));
  return { median: round(median(each)), min: round(Math.min(...each)), max: round(Math.max(...each)) };
}

/** The same against whichever of PyTorch's modes is fastest by its median, for each number of threads. */
function fastest(list, mine) {
  const found = {};
  const middle = ({ times }) => median(times.flat());
  for (const ours of mine) {
    const peers = list.filter((c) => c.peer && c.threads === ours.threads);
    if (peers.length === 0) continue;
    const best = peers.reduce((a, b) => (middle(b) < middle(a) ? b : a));
    found[`${ours.threads}t`] = { peer: best.name, ratio: round(middle(best) / middle(ours)) };
  }
  return found;
}
