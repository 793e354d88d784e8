/** node mlc_step.mjs JOB — steps of a network as compiled by the package in dist/. */
import { compile } from "../../../dist/index.js";
import { createTrainer } from "../../../dist/runtime.js";
import { compilation } from "../networks.mjs";
import { startBatch, weightsFile } from "../start.mjs";
import { serveSteps } from "../worker.mjs";

const { network, threads, numerics, what, folder } = JSON.parse(process.argv[2]);
const trainer = await createTrainer(compile(...compilation(network, numerics)).executable(), { threads });
if (trainer.notes.length > 0) throw new Error(trainer.notes.join("; "));
await trainer.load(weightsFile(folder));
const { input, target } = startBatch(folder);
const given = { input: input.values, target: Int32Array.from(target.values) };
const columns = Object.fromEntries(trainer.manifest.inputs.map(({ name, role }) => [name, given[role]]));
const [output] = trainer.manifest.programs.forward.results;

const train = async () => [(await trainer.step(columns)).loss];
const forward = async () => (await trainer.predict(columns))[output.name];
await serveSteps({ threads: trainer.threads }, what === "train" ? train : forward);
