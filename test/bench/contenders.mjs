/** Who takes part: mlc and the peers that are installed, each as the command of a worker (worker.mjs). */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const local = (path) => fileURLToPath(new URL(path, import.meta.url));

export const TORCH_MODES = ["eager", "channels_last", "compile"];
/** Frameworks for JavaScript, which run on one thread in Node. */
const PACKAGES = { tfjs: "@tensorflow/tfjs", jax: "@jax-js/jax" };
export const PEERS = [...TORCH_MODES, ...Object.keys(PACKAGES)];

const INSTALL_TORCH =
  "PyTorch is left out, as it is not installed: pip install torch into ./.venv, or set MLC_PYTHON to a Python that has it";
const installPackage = (name) =>
  `${name} is left out, as it is not installed: npm install ${name} in a directory, and set MLC_BENCH_PEERS to it`;

/** The first of MLC_PYTHON, ./.venv and python3 that can import torch; null if none can. */
function findPython({ MLC_PYTHON }) {
  const venv = local("../../.venv/bin/python");
  const candidates = [MLC_PYTHON, existsSync(venv) ? venv : null, "python3"].filter(Boolean);
  return candidates.find((python) => spawnSync(python, ["-c", "import torch"]).status === 0) ?? null;
}

/** Whether PyTorch and the packages are there, with notes on those that are not. */
export function findPeers(wanted, env = process.env) {
  const python = wanted.some((peer) => TORCH_MODES.includes(peer)) ? findPython(env) : null;
  const isThere = (peer) => {
    if (TORCH_MODES.includes(peer)) return python !== null;
    return Boolean(env.MLC_BENCH_PEERS) && existsSync(join(env.MLC_BENCH_PEERS, "node_modules", PACKAGES[peer]));
  };
  const missing = wanted.filter((peer) => !isThere(peer));
  const notes = missing.map((peer) => (peer in PACKAGES ? installPackage(PACKAGES[peer]) : INSTALL_TORCH));
  return { python, peers: wanted.filter(isThere), notes: [...new Set(notes)] };
}

/** In the order in which they take turns. `job` says what all of them run. */
export function contenders(job, threads, { python, peers }) {
  const node = (script, more) => [process.execPath, local(`peers/${script}`), JSON.stringify({ ...job, ...more })];
  const torch = (more) => [python, local("peers/torch_step.py"), JSON.stringify({ ...job, ...more })];
  const ours = threads.map((t) => ({ name: `mlc ${t}t`, threads: t, command: node("mlc_step.mjs", { threads: t }) }));
  const theirs = peers.flatMap((peer) => {
    if (peer in PACKAGES) return [{ name: peer, peer, threads: null, command: node(`${peer}_step.mjs`, {}) }];
    return threads.map((t) => {
      return { name: `torch ${peer} ${t}t`, peer, threads: t, command: torch({ threads: t, mode: peer }) };
    });
  });
  return [...ours, ...theirs];
}
