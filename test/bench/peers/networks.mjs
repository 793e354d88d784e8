/**
 * The networks of test/bench/networks.mjs for frameworks in JavaScript. `o` is a framework's own operations with the network's
 * parameters, which go by mlc's names, bound to them.
 */

function basicBlock(o, x, name, stride) {
  const first = o.relu(o.batchNorm(o.conv(x, `${name}.conv1`, { stride, padding: 1 }), `${name}.bn1`));
  const main = o.batchNorm(o.conv(first, `${name}.conv2`, { padding: 1 }), `${name}.bn2`);
  const down = `${name}.downsample`;
  const shortcut = stride > 1 ? o.batchNorm(o.conv(x, `${down}.0`, { stride }), `${down}.1`) : x;
  return o.relu(o.add(main, shortcut));
}

function squeezeExcitation(o, x, name) {
  const squeezed = o.relu(o.conv(o.imageMean(x), `${name}.fc1`));
  return o.mul(o.hardSigmoid(o.conv(squeezed, `${name}.fc2`)), x);
}

function invertedResidual(o, x, name, { wide, stride = 1, shortcut = false }) {
  let y = o.hardSwish(o.batchNorm(o.conv(x, `${name}.expand`), `${name}.bn1`));
  y = o.conv(y, `${name}.depthwise`, { stride, padding: 1, groups: wide });
  y = squeezeExcitation(o, o.hardSwish(o.batchNorm(y, `${name}.bn2`)), `${name}.se`);
  y = o.batchNorm(o.conv(y, `${name}.project`), `${name}.bn3`);
  return shortcut ? o.add(x, o.dropPath(y, 0.05)) : y;
}

function encoderLayer(o, x, name) {
  const attended = o.attention(o.layerNorm(x, `${name}.norm1`), `${name}.self_attn`, { heads: 4, dropout: 0.1 });
  const y = o.add(x, o.dropout(attended, 0.1));
  const wide = o.dropout(o.gelu(o.linear(o.layerNorm(y, `${name}.norm2`), `${name}.linear1`)), 0.1);
  return o.add(y, o.dropout(o.linear(wide, `${name}.linear2`), 0.1));
}

export const networks = {
  reference(o, image) {
    let x = image;
    for (const name of ["conv1", "conv2", "conv3"]) x = o.maxPool(o.conv(x, name, { padding: 2 }));
    return o.linear(o.linear(o.flatten(x), "fc1"), "fc2");
  },

  mlp: (o, image) => o.linear(o.relu(o.linear(o.relu(o.linear(image, "fc1")), "fc2")), "fc3"),

  resnet20(o, image) {
    let x = o.relu(o.batchNorm(o.conv(image, "conv1", { padding: 1 }), "bn1"));
    for (const layer of [1, 2, 3]) {
      for (const i of [0, 1, 2]) x = basicBlock(o, x, `layer${layer}.${i}`, i === 0 && layer > 1 ? 2 : 1);
    }
    return o.linear(o.flatten(o.imageMean(x)), "fc");
  },

  mobilenet(o, image) {
    let x = o.hardSwish(o.batchNorm(o.conv(image, "stem", { padding: 1 }), "stem_bn"));
    const blocks = [
      { wide: 32, shortcut: true },
      { wide: 64, stride: 2 },
      { wide: 72, shortcut: true },
      { wide: 72, stride: 2 },
      { wide: 120, shortcut: true },
    ];
    blocks.forEach((block, i) => {
      x = invertedResidual(o, x, `blocks.${i}`, block);
    });
    x = o.hardSwish(o.batchNorm(o.conv(x, "head"), "head_bn"));
    return o.linear(o.dropout(o.flatten(o.imageMean(x)), 0.1), "fc");
  },

  vit(o, image) {
    let x = o.embedded(o.tokens(o.conv(image, "patches", { stride: 4 })), "cls", "position");
    for (const i of [0, 1, 2]) x = encoderLayer(o, x, `blocks.${i}`);
    return o.linear(o.firstToken(o.layerNorm(x, "norm")), "fc");
  },
};

/** `values` with 1 − smoothing for the class, the rest spread over all: what the logarithms of the probabilities are weighed with. */
export function targets(labels, classes, smoothing) {
  const weights = new Float32Array(labels.length * classes).fill(smoothing / classes);
  labels.forEach((label, i) => {
    weights[i * classes + label] += 1 - smoothing;
  });
  return weights;
}

const BETAS = [0.9, 0.999];
const EPS = 1e-8;

/** States that a parameter has beside itself. */
export const statesOf = ({ kind, momentum }) => (kind === "adamw" ? 2 : momentum > 0 ? 1 : 0);

/** What Adam's averages are multiplied by in step `t`, from 1. */
export const corrections = (t) => BETAS.map((beta) => 1 / (1 - beta ** t));

/** PyTorch's SGD and AdamW. `keep` makes a value of which another use follows. */
export function updated({ kind, lr, momentum = 0, weight_decay: decay }, { keep, sqrt }, p, g, states, [c1, c2]) {
  if (kind === "adamw") {
    const squares = keep(g).mul(keep(g));
    const [m, v] = [g, squares].map((now, i) => states[i].mul(BETAS[i]).add(now.mul(1 - BETAS[i])));
    const step = keep(m)
      .mul(c1)
      .div(sqrt(keep(v).mul(c2)).add(EPS))
      .mul(lr);
    return [p.mul(1 - lr * decay).sub(step), [m, v]];
  }
  const direction = decay > 0 ? g.add(keep(p).mul(decay)) : g;
  const velocity = momentum > 0 ? states[0].mul(momentum).add(direction) : direction;
  return [p.sub(keep(velocity).mul(lr)), momentum > 0 ? [velocity] : []];
}
