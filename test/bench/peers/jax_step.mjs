/**
 * node jax_step.mjs JOB — steps of a network in jax-js on its wasm backend; each a single jitted function. In Node that backend
 * has one thread. Running statistics of batch norms are not updated.
 */
import { startBatch, startWeights } from "../start.mjs";
import { serveSteps } from "../worker.mjs";
import { load } from "./load.mjs";
import { corrections, networks, statesOf, targets, updated } from "./networks.mjs";

const CLASSES = 10;
const { network, what, optimizer, smoothing, folder } = JSON.parse(process.argv[2]);
const { module: jax, version } = await load("@jax-js/jax");
const { numpy: np, lax, nn, random } = jax;
await jax.init("wasm");
jax.defaultDevice("wasm");

/** Arguments stay alive: within a jitted function a reference too many costs nothing. */
function operations(w, seed) {
  const weight = (name) => w[name].ref;
  const lined = (x, name) => weight(name).reshape([-1, ...Array(x.ndim - 2).fill(1)]);
  const standardized = (x, mean, variance) => x.ref.sub(mean).div(np.sqrt(variance.add(1e-5)));
  const linear = (x, matrix, bias) => np.matmul(x.ref, matrix.transpose()).add(bias);
  let draws = 0;
  const kept = (x, p, shape) => {
    if (!seed) return x;
    const mask = random.uniform(random.key(seed.ref.add(draws++)), shape).greaterEqual(p);
    return x.ref.mul(mask).div(1 - p);
  };
  const o = {
    add: (a, b) => a.ref.add(b.ref),
    mul: (a, b) => a.ref.mul(b.ref),
    relu: (x) => nn.relu(x.ref),
    hardSigmoid: (x) => nn.hardSigmoid(x.ref),
    hardSwish: (x) => nn.hardSilu(x.ref),
    gelu: (x) => nn.gelu(x.ref, { approximate: false }),
    flatten: (x) => x.ref.reshape([x.shape[0], -1]),
    imageMean: (x) => np.mean(x.ref, [2, 3], { keepdims: true }),
    linear: (x, name) => linear(x, weight(`${name}.weight`), weight(`${name}.bias`)),
    conv(x, name, { stride = 1, padding = 0, groups = 1 } = {}) {
      const pad = [padding, padding];
      const options = { featureGroupCount: groups };
      const y = lax.convGeneralDilated(x.ref, weight(`${name}.weight`), [stride, stride], [pad, pad], options);
      return w[`${name}.bias`] ? y.add(lined(y, `${name}.bias`)) : y;
    },
    maxPool(x) {
      const [n, c, h, width] = x.shape;
      return np.max(x.ref.reshape([n, c, h / 2, 2, width / 2, 2]), [3, 5]);
    },
    batchNorm(x, name) {
      const axes = [0, 2, 3];
      const mean = seed ? np.mean(x.ref, axes, { keepdims: true }) : lined(x, `${name}.running_mean`);
      const squares = () => np.mean(x.ref.sub(mean.ref).mul(x.ref.sub(mean.ref)), axes, { keepdims: true });
      const y = standardized(x, mean.ref, seed ? squares() : lined(x, `${name}.running_var`));
      return y.mul(lined(x, `${name}.weight`)).add(lined(x, `${name}.bias`));
    },
    layerNorm(x, name) {
      const mean = np.mean(x.ref, -1, { keepdims: true });
      const variance = np.mean(x.ref.sub(mean.ref).mul(x.ref.sub(mean.ref)), -1, { keepdims: true });
      return standardized(x, mean, variance)
        .mul(weight(`${name}.weight`))
        .add(weight(`${name}.bias`));
    },
    dropout: (x, p) => kept(x, p, x.shape),
    dropPath: (x, p) => kept(x, p, [x.shape[0], 1, 1, 1]),
    tokens: (x) => x.ref.reshape([...x.shape.slice(0, 2), -1]).transpose([0, 2, 1]),
    embedded(x, token, position) {
      const [n, , features] = x.shape;
      const first = np.broadcastTo(weight(`${token}.weight`).reshape([1, 1, features]), [n, 1, features]);
      return np.concatenate([first, x.ref], 1).add(weight(`${position}.weight`));
    },
    firstToken: (x) => x.ref.slice([], 0),
    attention(x, name, { heads, dropout }) {
      const [n, tokens, features] = x.shape;
      const all = linear(x, weight(`${name}.in_proj_weight`), weight(`${name}.in_proj_bias`));
      const [q, k, v] = np
        .split(all, 3, -1)
        .map((part) => part.reshape([n, tokens, heads, -1]).transpose([0, 2, 1, 3]));
      const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).div(Math.sqrt(features / heads));
      const mixed = np.matmul(o.dropout(nn.softmax(scores, -1), dropout), v);
      return o.linear(mixed.transpose([0, 2, 1, 3]).reshape([n, tokens, features]), `${name}.out_proj`);
    },
  };
  return o;
}

const arrays = Object.entries(startWeights(folder)).map(([name, { shape, values }]) => {
  return [name, np.array(values, { shape, dtype: np.float32 })];
});
const isBuffer = (name) => name.includes(".running_");
const buffers = Object.fromEntries(arrays.filter(([name]) => isBuffer(name)));
let parameters = Object.fromEntries(arrays.filter(([name]) => !isBuffer(name)));
const batch = startBatch(folder);
const image = np.array(batch.input.values, { shape: batch.input.shape, dtype: np.float32 });
const weights = targets(batch.target.values, CLASSES, smoothing);
const target = np.array(weights, { shape: [batch.target.shape[0], CLASSES], dtype: np.float32 });

function lossOf(p, x, y, seed) {
  const logits = networks[network](operations({ ...p }, seed), x);
  return np.mean(np.sum(nn.logSoftmax(logits, -1).mul(y), -1)).neg();
}

const trained = jax.jit((p, states, x, y, seed, c) => {
  const [loss, gradients] = jax.valueAndGrad(lossOf)(jax.tree.ref(p), x, y, seed);
  const tools = { keep: (value) => value.ref, sqrt: np.sqrt };
  const results = Object.keys(p).map((name) => {
    const factors = c.map((factor) => factor.ref);
    return [name, updated(optimizer, tools, p[name], gradients[name], states[name], factors)];
  });
  const part = (i) => Object.fromEntries(results.map(([name, result]) => [name, result[i]]));
  return [loss, part(0), part(1)];
});
const predicted = jax.jit((p, x) => networks[network](operations(p, null), x));

let states = Object.fromEntries(
  Object.entries(parameters).map(([name, { shape }]) => {
    return [name, Array.from({ length: statesOf(optimizer) }, () => np.zeros(shape))];
  }),
);
let done = 0;

async function train() {
  const seed = np.array(1000 * done++, { dtype: np.uint32 });
  const factors = corrections(done).map((factor) => np.array(factor));
  const result = trained(parameters, states, image.ref, target.ref, seed, factors);
  const [loss] = result;
  [, parameters, states] = result;
  await jax.blockUntilReady(jax.tree.ref(parameters));
  return loss.data();
}

const forward = () => predicted(jax.tree.ref({ ...parameters, ...buffers }), image.ref).data();

await serveSteps({ version, threads: 1 }, what === "train" ? train : forward);
