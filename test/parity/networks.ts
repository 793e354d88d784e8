/** The networks of test/oracle/networks.py as .model text; labels make the parameters' names those of PyTorch. */

export interface Network {
  /** Definitions outside of the model. */
  readonly layers?: string;
  readonly body: string;
}

const residual = `
layer residual(channels, stride = 1) {
  let main = in |> conv1: conv2d(channels, kernel = 3, stride = stride, padding = 1, bias = false) |> bn1: batch_norm2d |> relu
                |> conv2: conv2d(channels, kernel = 3, padding = 1, bias = false) |> bn2: batch_norm2d
  let skip = if stride != 1 or in.channels != channels
             then in |> shortcut: projection(channels, stride)
             else in
  relu(main + skip)
}
layer projection(channels, stride) {
  conv: conv2d(channels, kernel = 1, stride = stride, bias = false)
  bn: batch_norm2d
}`;

function resnet20(): Network {
  const blocks = [16, 32, 64].flatMap((channels, stage) =>
    [1, 2, 3].map((block) => {
      const stride = stage > 0 && block === 1 ? 2 : 1;
      return `stage${stage + 1}_block${block}: residual(${channels}, stride = ${stride})`;
    }),
  );
  const steps = ["conv1: conv2d(16, kernel = 3, padding = 1, bias = false)", "bn1: batch_norm2d", "relu", ...blocks];
  return { layers: residual, body: [...steps, "global_avg_pool2d", "fc: linear(10)"].join("\n") };
}

const networks: Readonly<Record<string, (argument: string) => Network>> = {
  reference: () => ({
    body: `
    conv1: conv2d(32, kernel = 5, padding = 2)
    max_pool2d(2)
    conv2: conv2d(32, kernel = 5, padding = 2)
    max_pool2d(2)
    conv3: conv2d(64, kernel = 5, padding = 2)
    max_pool2d(2)
    flatten
    fc1: linear(64)
    fc2: linear(10)`,
  }),
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
  resnet20,
};

/** `pooled:max_pool2d(2)` is the network `pooled` with the argument `max_pool2d(2)`. */
export function network(name: string): Network {
  const [kind, ...argument] = name.split(":");
  return networks[kind](argument.join(":"));
}
