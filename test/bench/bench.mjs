/**
 * `npm run bench`: measures, prints tables and writes JSON; asserts nothing.
 *
 *   --only LIST      of networks (training steps), forward, kernels, build, startup, memory
 *   --networks LIST  of reference, resnet20, mlp, mobilenet, vit
 *   --peers LIST     PyTorch's modes eager, channels_last, compile; tfjs, jax; or none
 *   --threads LIST   of 1, 2
 *   --numerics MODE  strict or fast (fast)
 *   --rounds N       alternating rounds of all contenders (6)
 *   --steps N        steps in a round (10); a peer that takes seconds for a step runs a single one
 *   --limit N        seconds that a peer may take for an answer before it is left out (900)
 *   --output FILE    where the JSON goes (bench.json)
 *   --json           print it too, instead of tables
 *
 * All contenders of a network start from the same weights and the same batch, and their losses or outputs are compared. PyTorch takes
 * part where MLC_PYTHON, ./.venv or python3 can import torch (its compile mode needs a C++ compiler and Python's headers),
 * TensorFlow.js (cpu backend) and jax-js (wasm backend) where the directory MLC_BENCH_PEERS has them installed. They take minutes for a
 * step of some networks: `--peers eager,channels_last,compile` leaves them out.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { scriptOptions } from "../script-options.mjs";
import { measureBuild } from "./build.mjs";
import { importTypeScript } from "./bundle.mjs";
import { compareNetwork } from "./compare.mjs";
import { findPeers, PEERS } from "./contenders.mjs";
import { measureKernels } from "./kernels.mjs";
import { markdown } from "./markdown.mjs";
import { measureMemory } from "./memory.mjs";
import { networks } from "./networks.mjs";
import { measureStartup } from "./startup.mjs";

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const SECTIONS = ["networks", "forward", "kernels", "build", "startup", "memory"];
const THREADS = ["1", "2"];
const NETWORKS = Object.keys(networks);

const values = scriptOptions("bench", {
  only: { type: "string", default: SECTIONS.join() },
  networks: { type: "string", default: NETWORKS.join() },
  peers: { type: "string", default: PEERS.join() },
  threads: { type: "string", default: THREADS.join() },
  numerics: { type: "string", default: "fast" },
  rounds: { type: "string", default: "6" },
  steps: { type: "string", default: "10" },
  limit: { type: "string", default: "900" },
  output: { type: "string", default: "bench.json" },
  json: { type: "boolean", default: false },
});

/** The items of a list, each of which must be known. */
function listOf(name, allowed) {
  const list = values[name].split(",").filter((item) => item !== "none");
  if (list.every((item) => allowed.includes(item))) return list;
  console.error(`bench: --${name} takes ${allowed.join(", ")}`);
  process.exit(2);
}
const sections = listOf("only", SECTIONS);
const chosen = { networks: listOf("networks", NETWORKS), peers: listOf("peers", PEERS) };
const threads = listOf("threads", THREADS).map(Number);
const [rounds, steps, limit] = [values.rounds, values.steps, values.limit].map(Number);
if (![rounds, steps, limit].every((count) => count > 0) || !["strict", "fast"].includes(values.numerics)) {
  console.error("bench: --rounds, --steps and --limit take counts, --numerics strict or fast");
  process.exit(2);
}

/** The command line must be that of the sources. */
function buildPackage() {
  const { status, stderr } = spawnSync("npm", ["run", "build"], { cwd: root("."), encoding: "utf8" });
  if (status !== 0) throw new Error(`npm run build failed:\n${stderr}`);
  return root("dist/mlc.js");
}

// The reference network as PyTorch's tutorial has it: no augmentation, plain SGD; both sides do the same work.
const source = readFileSync(root("models/tutorial.model"), "utf8");
const overrides = { "optimizer.lr": "0.01" };
const training = {
  model: root("models/cifar_net.model"),
  mlc: sections.some((s) => s !== "kernels") && buildPackage(),
};
const mlc = await importTypeScript(new URL("mlc.ts", import.meta.url));

const results = { machine: { cpu: cpus()[0].model, cores: cpus().length, node: process.version } };
const comparison = {
  ...{ rounds, steps, limit, numerics: values.numerics },
  threads,
  found: findPeers(sections.includes("networks") || sections.includes("forward") ? chosen.peers : []),
  progress: (text) => console.error(text),
};
for (const [section, what] of [
  ["networks", "train"],
  ["forward", "forward"],
]) {
  if (!sections.includes(section)) continue;
  results[section] = [];
  for (const network of chosen.networks) {
    results[section].push(await compareNetwork(network, what, comparison));
  }
}
if (comparison.found.notes.length > 0) results.notes = comparison.found.notes;
if (sections.includes("kernels"))
  results.kernels = await measureKernels(mlc, source, { overrides, steps: rounds * steps });
if (sections.includes("build")) results.build = measureBuild({ ...training, repeats: rounds });
if (sections.includes("startup")) {
  const models = [training.model, root("models/resnet20.model")];
  results.startup = measureStartup({ mlc: training.mlc, models, threads, repeats: rounds });
}
if (sections.includes("memory")) results.memory = measureMemory(training);
const json = JSON.stringify(results, null, 2);
writeFileSync(values.output, `${json}\n`);
console.log(values.json ? json : markdown(results));
