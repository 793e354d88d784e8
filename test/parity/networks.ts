/** The networks of test/oracle/networks.py as .model text; labels make the parameters' names those of PyTorch. */
import { readFileSync } from "node:fs";

export interface Network {
  /** Definitions outside of the model. */
  readonly layers?: string;
  readonly body: string;
}

/** The net of a file in models/, and the layers that the file defines. */
function fromFile(name: string): Network {
  const text = readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");
  const body = /\n {2}net \{\n([\s\S]*?)\n {2}\}\n/.exec(text)![1];
  return { body, layers: text.slice(text.indexOf("\n}\n") + 3) };
}

const networks: Readonly<Record<string, (argument: string) => Network>> = {
  reference: () => fromFile("tutorial"),
  line: () => ({ body: "fc: linear(10)" }),
  mlp: () => ({ body: "fc1: linear(13); tanh; fc2: linear(10)" }),
  activated: (activation) => ({ body: `fc1: linear(13); ${activation}; fc2: linear(10)` }),
  batch_normed: () => ({
    body: `
    conv1: conv2d(6, kernel = 3, padding = 1, bias = false)
    bn1: batch_norm2d
    relu
    max_pool2d(2)
    conv2: conv2d(9, kernel = 3, stride = 2, padding = 1)
    bn2: batch_norm2d(eps = 1e-3, momentum = 0.3)
    relu
    bn3: batch_norm2d(affine = false)
    flatten
    fc: linear(10)`,
  }),
  dropped: (p) => ({
    body: `conv: conv2d(5, kernel = 3); relu; dropout(${p}); avg_pool2d(2); flatten; fc1: linear(11); dropout(${p}); fc2: linear(10)`,
  }),
  pooled: (pool) => ({
    body: `conv1: conv2d(4, kernel = 1); ${pool}; conv2: conv2d(5, kernel = 3, padding = 1); flatten; fc: linear(10)`,
  }),
  convolved: () => ({
    body: `
    conv1: conv2d(6, kernel = [3, 5], stride = [2, 1], padding = [1, 2])
    tanh
    conv2: conv2d(10, kernel = 3, groups = 2, dilation = 2, padding = 1)
    tanh
    conv3: conv2d(7, kernel = 1, stride = 2, bias = false)
    flatten
    fc: linear(10)`,
  }),
  same: () => ({
    body: `
    conv1: conv2d(5, kernel = [3, 4], padding = same)
    sigmoid
    conv2: conv2d(7, kernel = 2, padding = same, dilation = 2)
    flatten
    fc: linear(10)`,
  }),
  given: (body) => ({ body }),
  resnet20: () => fromFile("resnet20"),
};

/** `pooled:max_pool2d(2)` is the network `pooled` with the argument `max_pool2d(2)`. */
export function network(name: string): Network {
  const [kind, ...argument] = name.split(":");
  return networks[kind](argument.join(":"));
}
