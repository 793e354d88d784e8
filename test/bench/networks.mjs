/**
 * The networks that are measured side by side. All sides do the same work: the steps that a model applies to its data are left out,
 * and the optimizer's settings are those given here.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const sgd = (momentum, decay) => ({ kind: "sgd", lr: 0.01, momentum, weight_decay: decay });
const ADAMW = { kind: "adamw", lr: 1e-3, weight_decay: 0.05 };

/** `random`: training draws random numbers (dropout), so that its losses are nobody else's. */
export const networks = {
  reference: { model: file("models/tutorial.model"), batch: 64, optimizer: sgd(0, 0), smoothing: 0 },
  resnet20: { model: file("models/resnet20.model"), batch: 128, optimizer: sgd(0.9, 1e-4), smoothing: 0 },
  mlp: { model: file("test/bench/models/mlp512.model"), batch: 128, optimizer: sgd(0.9, 0), smoothing: 0 },
  mobilenet: {
    ...{ model: file("models/mobilenet_small.model"), batch: 64, optimizer: ADAMW, smoothing: 0.1, random: true },
  },
  vit: { model: file("models/vit_tiny.model"), batch: 64, optimizer: ADAMW, smoothing: 0.1, random: true },
};

/** What `compile` takes. */
export function compilation(name, numerics) {
  const { model, batch, optimizer } = networks[name];
  const source = readFileSync(model, "utf8").replace(/^( *data [^{\n]*)\{[^}]*\}/m, "$1");
  const { lr, weight_decay } = optimizer;
  const overrides = { "optimizer.lr": String(lr), "optimizer.weight_decay": String(weight_decay) };
  return [source, { file: model, overrides, batch, numerics }];
}
