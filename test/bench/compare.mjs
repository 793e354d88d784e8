/** Steps of several networks, ours and those of the peers that are installed, in alternating rounds of one run. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { networks } from "./networks.mjs";
import { median, round, summary } from "./statistics.mjs";
import { startWorker } from "./worker.mjs";

const local = (path) => fileURLToPath(new URL(path, import.meta.url));
const WARM_UP = 5;
const THREADS = [1, 2];
const MODES = ["eager", "channels_last", "compile"];

/** The first of MLC_PYTHON, ./.venv and python3 that can import torch; null if none can. */
export function findPython() {
  const venv = local("../../.venv/bin/python");
  const candidates = [process.env.MLC_PYTHON, existsSync(venv) ? venv : null, "python3"].filter(Boolean);
  return candidates.find((python) => spawnSync(python, ["-c", "import torch"]).status === 0) ?? null;
}

/** What is measured of a network: the name of each contender, the processes' commands, and notes on those that are missing. */
function contenders(network, what, { numerics, threads, modes }) {
  const list = threads.map((t) => ({
    name: `mlc ${t}t`,
    threads: t,
    command: [process.execPath, local("peers/mlc_step.mjs"), network, String(t), numerics, what],
  }));
  const notes = [];
  const python = modes.length > 0 ? findPython() : null;
  if (modes.length > 0 && !python) {
    notes.push("PyTorch is not installed: pip install torch into ./.venv, or set MLC_PYTHON to a Python that has it");
  }
  for (const mode of python ? modes : []) {
    for (const t of threads) {
      const command = [
        python,
        local("peers/torch_step.py"),
        network,
        String(networks[network].batch),
        String(t),
        mode,
        what,
      ];
      list.push({ name: `torch ${mode} ${t}t`, threads: t, peer: mode, command });
    }
  }
  return { list, notes };
}

export async function compareNetwork(network, what, options) {
  const { list, notes } = contenders(network, what, options);
  const workers = new Map();
  try {
    for (const { name, command } of list) {
      try {
        const worker = await startWorker(command[0], command.slice(1));
        workers.set(name, worker);
        await worker.times(WARM_UP);
      } catch (error) {
        workers.delete(name);
        notes.push(`${name} is left out: ${error.message}`);
      }
    }
    const times = new Map([...workers.keys()].map((name) => [name, []]));
    for (let turn = 0; turn < options.rounds; turn++) {
      for (const [name, worker] of workers) times.get(name).push(await worker.times(options.steps));
    }
    return { network, what, batch: networks[network].batch, numerics: options.numerics, ...report(list, times), notes };
  } finally {
    for (const worker of workers.values()) worker.stop();
  }
}

/** Times of every step; the peers' times over ours on as many threads: in each round, then the median and the extremes. */
function report(list, times) {
  const milliseconds = Object.fromEntries([...times].map(([name, rounds]) => [name, summary(rounds.flat())]));
  const ratios = list
    .filter(({ name, peer, threads }) => peer && times.has(name) && times.has(`mlc ${threads}t`))
    .map(({ name, threads }) => {
      const ours = times.get(`mlc ${threads}t`).map(median);
      const each = times.get(name).map((theirs, i) => median(theirs) / ours[i]);
      const spread = { median: round(median(each)), min: round(Math.min(...each)), max: round(Math.max(...each)) };
      return [name, spread];
    });
  return { milliseconds, ratios: Object.fromEntries(ratios), fastest: fastest(list, times) };
}

/** The same against whichever peer is fastest by its median, for each number of threads. */
function fastest(list, times) {
  const found = {};
  for (const threads of THREADS) {
    const peers = list.filter((c) => c.peer && c.threads === threads && times.has(c.name));
    if (peers.length === 0 || !times.has(`mlc ${threads}t`)) continue;
    const middle = ({ name }) => median(times.get(name).flat());
    const best = peers.reduce((a, b) => (middle(b) < middle(a) ? b : a));
    found[`${threads}t`] = {
      peer: best.name,
      ratio: round(middle(best) / median(times.get(`mlc ${threads}t`).flat())),
    };
  }
  return found;
}

/** Frameworks for JavaScript take seconds to minutes for a step: a few steps of the reference network, not in turns. */
export async function javascriptPeers() {
  const folder = process.env.MLC_BENCH_PEERS;
  const install = "npm install @tensorflow/tfjs @jax-js/jax in a directory, and set MLC_BENCH_PEERS to it";
  const peers = [
    { name: "TensorFlow.js (cpu)", package: "@tensorflow/tfjs", script: "tfjs_step.mjs" },
    { name: "jax-js (wasm)", package: "@jax-js/jax", script: "jax_step.mjs" },
  ];
  const results = [];
  for (const { name, package: wanted, script } of peers) {
    if (!folder || !existsSync(join(folder, "node_modules", wanted))) {
      results.push({ name, note: `not installed: ${install}` });
      continue;
    }
    try {
      const worker = await startWorker(process.execPath, [local(`peers/${script}`)], { MLC_BENCH_PEERS: folder });
      results.push({ name, ...worker.facts, milliseconds: (await worker.times(1)).map(round) });
      worker.stop();
    } catch (error) {
      results.push({ name, note: `left out: ${error.message}` });
    }
  }
  return results;
}

export const known = { networks: Object.keys(networks), modes: MODES, threads: THREADS };
