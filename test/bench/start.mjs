/** Where all contenders start: the same weights and the same batch of noise, as safetensors files in a folder. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../../dist/index.js";
import { createTrainer, decodeSafetensors, encodeSafetensors, toNumbers } from "../../dist/runtime.js";
import { compilation } from "./networks.mjs";

const [WEIGHTS, BATCH] = ["weights.safetensors", "batch.safetensors"];

function noise(length) {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length }, random);
}

const elements = (shape) => shape.reduce((size, dim) => size * dim, 1);

/** The weights are mlc's initial ones, under PyTorch's names. */
export async function writeStart(network, folder) {
  const trainer = await createTrainer(compile(...compilation(network, "strict")).executable());
  writeFileSync(join(folder, WEIGHTS), await trainer.save({ weightsOnly: true }));
  const { inputs, batch } = trainer.manifest;
  const [image, label] = ["input", "target"].map((role) => inputs.find((input) => input.role === role));
  const tensors = [
    { name: "input", shape: [batch, ...image.shape], data: noise(batch * elements(image.shape)) },
    { name: "target", shape: [batch], data: Float32Array.from({ length: batch }, (_, i) => i % label.classes) },
  ];
  writeFileSync(join(folder, BATCH), encodeSafetensors(tensors));
}

export const weightsFile = (folder) => readFileSync(join(folder, WEIGHTS));

function numbers(bytes) {
  const entries = [...decodeSafetensors(bytes).tensors];
  return Object.fromEntries(entries.map(([name, t]) => [name, { shape: [...t.shape], values: toNumbers(t, name) }]));
}

/** name → { shape, values } */
export const startWeights = (folder) => numbers(weightsFile(folder));
/** { input, target }, each { shape, values }. */
export const startBatch = (folder) => numbers(readFileSync(join(folder, BATCH)));
