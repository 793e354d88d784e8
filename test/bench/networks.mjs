/** The networks that are measured side by side; test/bench/peers/networks.py has the same ones. */
import { fileURLToPath } from "node:url";

const file = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const networks = {
  reference: { model: file("models/tutorial.model"), batch: 64, overrides: { "optimizer.lr": "0.01" } },
  resnet20: { model: file("models/resnet20.model"), batch: 128, overrides: {} },
  mlp: { model: file("test/bench/models/mlp512.model"), batch: 128, overrides: {} },
  mobilenet: { model: file("models/mobilenet_small.model"), batch: 64, overrides: {} },
  vit: { model: file("models/vit_tiny.model"), batch: 64, overrides: {} },
};
