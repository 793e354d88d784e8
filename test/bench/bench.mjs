/**
 * `npm run bench`: measures and prints JSON; asserts nothing.
 *
 *   --only LIST      of networks, forward, javascript, kernels, build, memory
 *   --networks LIST  of reference, resnet20, mlp, mobilenet, vit
 *   --peers LIST     PyTorch's modes, of eager, channels_last, compile; or none
 *   --threads LIST   of 1, 2
 *   --numerics MODE  strict or fast (fast)
 *   --rounds N       alternating rounds of mlc and PyTorch (6)
 *   --steps N        steps in a round (10)
 *   --output FILE    write the JSON there too
 *   --markdown       tables for people instead of JSON
 *
 * PyTorch is measured where MLC_PYTHON, ./.venv or python3 can import torch, TensorFlow.js and jax-js where the directory
 * MLC_BENCH_PEERS has them installed.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureBuild } from "./build.mjs";
import { importTypeScript } from "./bundle.mjs";
import { compareNetwork, javascriptPeers, known } from "./compare.mjs";
import { measureKernels } from "./kernels.mjs";
import { markdown } from "./markdown.mjs";
import { measureMemory } from "./memory.mjs";

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const SECTIONS = ["networks", "forward", "javascript", "kernels", "build", "memory"];

const { values } = parseArgs({
  options: {
    only: { type: "string", default: SECTIONS.join() },
    networks: { type: "string", default: known.networks.join() },
    peers: { type: "string", default: known.modes.join() },
    threads: { type: "string", default: known.threads.join() },
    numerics: { type: "string", default: "fast" },
    rounds: { type: "string", default: "6" },
    steps: { type: "string", default: "10" },
    output: { type: "string" },
    markdown: { type: "boolean", default: false },
  },
});

/** The items of a list, each of which must be known. */
function listOf(name, allowed) {
  const list = values[name].split(",").filter((item) => item !== "none");
  if (list.every((item) => allowed.includes(item))) return list;
  console.error(`bench: --${name} takes ${allowed.join(", ")}`);
  process.exit(2);
}
const sections = listOf("only", SECTIONS);
const [rounds, steps] = [Number(values.rounds), Number(values.steps)];
if (!(rounds > 0) || !(steps > 0) || !["strict", "fast"].includes(values.numerics)) {
  console.error("bench: --rounds and --steps take counts, --numerics strict or fast");
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
  ...{ rounds, steps, numerics: values.numerics, modes: listOf("peers", known.modes) },
  threads: listOf("threads", known.threads.map(String)).map(Number),
};
for (const [section, what] of [
  ["networks", "train"],
  ["forward", "forward"],
]) {
  if (!sections.includes(section)) continue;
  results[section] = [];
  for (const network of listOf("networks", known.networks)) {
    results[section].push(await compareNetwork(network, what, comparison));
  }
}
if (sections.includes("javascript")) results.javascript = await javascriptPeers();
if (sections.includes("kernels"))
  results.kernels = await measureKernels(mlc, source, { overrides, steps: rounds * steps });
if (sections.includes("build")) results.build = measureBuild({ ...training, repeats: rounds });
if (sections.includes("memory")) results.memory = measureMemory(training);
if (values.output) writeFileSync(values.output, `${JSON.stringify(results, null, 2)}\n`);
console.log(values.markdown ? markdown(results) : JSON.stringify(results, null, 2));
