/**
 * `npm run bench`: measures and prints JSON; asserts nothing.
 *
 *   --rounds N    alternating rounds of mlc and PyTorch (6)
 *   --steps N     training steps in a round (10)
 *   --only LIST   of step, kernels, build, memory
 *   --markdown    a table for people instead of JSON
 *
 * PyTorch is measured where MLC_PYTHON, ./.venv or python3 can import torch.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureBuild } from "./build.mjs";
import { importTypeScript } from "./bundle.mjs";
import { measureKernels } from "./kernels.mjs";
import { markdown } from "./markdown.mjs";
import { measureMemory } from "./memory.mjs";
import { measureSteps } from "./step.mjs";

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const SECTIONS = ["step", "kernels", "build", "memory"];

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "6" },
    steps: { type: "string", default: "10" },
    only: { type: "string", default: SECTIONS.join() },
    markdown: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const steps = Number(values.steps);
const sections = values.only.split(",");
const unknown = sections.filter((name) => !SECTIONS.includes(name));
if (unknown.length > 0 || !(rounds > 0) || !(steps > 0)) {
  console.error(`bench: --only takes ${SECTIONS.join(", ")}; --rounds and --steps take counts`);
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
  mlc: sections.some((s) => s === "build" || s === "memory") && buildPackage(),
};
const mlc = await importTypeScript(new URL("mlc.ts", import.meta.url));

const results = { machine: { cpu: cpus()[0].model, cores: cpus().length, node: process.version } };
if (sections.includes("step")) results.step = await measureSteps(mlc, source, { overrides, rounds, steps });
if (sections.includes("kernels"))
  results.kernels = await measureKernels(mlc, source, { overrides, steps: rounds * steps });
if (sections.includes("build")) results.build = measureBuild({ ...training, repeats: rounds });
if (sections.includes("memory")) results.memory = measureMemory(training);
console.log(values.markdown ? markdown(results) : JSON.stringify(results, null, 2));
