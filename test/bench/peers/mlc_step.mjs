/** node mlc_step.mjs NETWORK THREADS strict|fast train|forward — steps of a network as compiled by the package in dist/. */
import { readFileSync } from "node:fs";
import { compile } from "../../../dist/index.js";
import { createTrainer } from "../../../dist/runtime.js";
import { networks } from "../networks.mjs";
import { serveSteps } from "../worker.mjs";

const [name, threads, numerics, what] = process.argv.slice(2);
const { model, batch, overrides } = networks[name];
const compilation = compile(readFileSync(model, "utf8"), { file: model, overrides, batch, numerics });
const trainer = await createTrainer(compilation.executable(), { threads: Number(threads) });

/** Noise: times do not depend on the values. */
const columns = Object.fromEntries(
  trainer.manifest.inputs.map(({ name, dtype, shape, classes = 2 }) => {
    const length = shape.reduce((size, dim) => size * dim, batch);
    const values =
      dtype === "i32" ? Int32Array.from({ length }, (_, i) => i % classes) : Float32Array.from({ length }, Math.random);
    return [name, values];
  }),
);
const { notes } = trainer;
if (notes.length > 0) throw new Error(notes.join("; "));
const step = what === "train" ? () => trainer.step(columns) : () => trainer.predict(columns);
await step();
await serveSteps({ threads: trainer.threads }, step);
