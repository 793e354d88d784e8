/**
 * node tfjs_step.mjs JOB — steps of a network in TensorFlow.js on its cpu backend. Images are channels-last, as its gradients want
 * them. Running statistics of batch norms are not updated.
 */
import { startBatch, startWeights } from "../start.mjs";
import { serveSteps } from "../worker.mjs";
import { load } from "./load.mjs";
import { corrections, networks, statesOf, targets, updated } from "./networks.mjs";

const CLASSES = 10;
const { network, what, optimizer, smoothing, folder } = JSON.parse(process.argv[2]);
const { module: loaded, version } = await load("@tensorflow/tfjs");
const tf = loaded.default ?? loaded;
await tf.setBackend("cpu");
tf.enableProdMode();

const NHWC = [0, 2, 3, 1];
const NCHW = [0, 3, 1, 2];
const IMAGE = [1, 2];

function operations(w, training) {
  const o = {
    add: (a, b) => a.add(b),
    mul: (a, b) => a.mul(b),
    relu: (x) => x.relu(),
    hardSigmoid: (x) => x.add(3).relu6().div(6),
    hardSwish: (x) => x.mul(o.hardSigmoid(x)),
    gelu: (x) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1)),
    flatten: (x) => x.transpose(NCHW).reshape([x.shape[0], -1]),
    imageMean: (x) => x.mean(IMAGE, true),
    linear: (x, name) => product(x, w[`${name}.weight`]).add(w[`${name}.bias`]),
    conv(x, name, { stride = 1, padding = 0, groups = 1 } = {}) {
      const convolve = groups > 1 ? tf.depthwiseConv2d : tf.conv2d;
      const y = convolve(x, w[`${name}.weight`], stride, padding, "NHWC", [1, 1], "floor");
      return w[`${name}.bias`] ? y.add(w[`${name}.bias`]) : y;
    },
    maxPool: (x) => tf.maxPool(x, 2, 2, "valid"),
    batchNorm(x, name) {
      const own = () => ({ mean: w[`${name}.running_mean`], variance: w[`${name}.running_var`] });
      const { mean, variance } = training ? tf.moments(x, [0, 1, 2]) : own();
      return tf.batchNorm(x, mean, variance, w[`${name}.bias`], w[`${name}.weight`], 1e-5);
    },
    layerNorm(x, name) {
      const { mean, variance } = tf.moments(x, -1, true);
      return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(w[`${name}.weight`]).add(w[`${name}.bias`]);
    },
    dropout: (x, p) => (training ? tf.dropout(x, p) : x),
    dropPath: (x, p) => (training ? tf.dropout(x, p, [x.shape[0], 1, 1, 1]) : x),
    tokens: (x) => x.reshape([x.shape[0], -1, x.shape[3]]),
    embedded(x, token, position) {
      const [n, , features] = x.shape;
      const first = w[`${token}.weight`].reshape([1, 1, features]).tile([n, 1, 1]);
      return tf.concat([first, x], 1).add(w[`${position}.weight`]);
    },
    firstToken: (x) => x.slice([0, 0, 0], [-1, 1, -1]).squeeze([1]),
    attention(x, name, { heads, dropout }) {
      const [n, tokens, features] = x.shape;
      const all = product(x, w[`${name}.in_proj_weight`]).add(w[`${name}.in_proj_bias`]);
      const [q, k, v] = tf
        .split(all, 3, -1)
        .map((part) => part.reshape([n, tokens, heads, -1]).transpose([0, 2, 1, 3]));
      const scores = tf.matMul(q, k, false, true).div(Math.sqrt(features / heads));
      const mixed = tf.matMul(o.dropout(tf.softmax(scores), dropout), v);
      return o.linear(mixed.transpose([0, 2, 1, 3]).reshape([n, tokens, features]), `${name}.out_proj`);
    },
  };
  return o;
}

/** x · matrixᵀ over the last axis. */
function product(x, matrix) {
  const rows = x.reshape([-1, x.shape.at(-1)]);
  return tf.matMul(rows, matrix, false, true).reshape([...x.shape.slice(0, -1), -1]);
}

/** Convolution weights as [height, width, input, output], or [height, width, channel, 1] where each channel is by itself. */
function tensor(name, { shape, values }) {
  const stored = tf.tensor(values, shape);
  if (shape.length !== 4) return stored;
  return stored.transpose(name.endsWith("depthwise.weight") ? [2, 3, 0, 1] : [2, 3, 1, 0]);
}

const isBuffer = (name) => name.includes(".running_");
const weights = Object.fromEntries(
  Object.entries(startWeights(folder)).map(([name, stored]) => {
    return [name, tf.variable(tensor(name, stored), !isBuffer(name), name)];
  }),
);
const names = Object.keys(weights).filter((name) => !isBuffer(name));
const states = Object.fromEntries(
  names.map((name) => {
    return [name, Array.from({ length: statesOf(optimizer) }, () => tf.variable(tf.zerosLike(weights[name])))];
  }),
);
const { input, target } = startBatch(folder);
const given = tf.tensor(input.values, input.shape);
const image = input.shape.length === 4 ? given.transpose(NHWC) : given;
const labels = tf.tensor(targets(target.values, CLASSES, smoothing), [target.shape[0], CLASSES]);
const tools = { keep: (x) => x, sqrt: (x) => x.sqrt() };
let done = 0;

function train() {
  const factors = corrections(++done);
  return tf.tidy(() => {
    const lossOf = () =>
      networks[network](operations(weights, true), image).logSoftmax().mul(labels).sum(-1).mean().neg();
    const { value, grads } = tf.variableGrads(
      lossOf,
      names.map((name) => weights[name]),
    );
    for (const name of names) {
      const [next, nextStates] = updated(optimizer, tools, weights[name], grads[name], states[name], factors);
      weights[name].assign(next);
      states[name].forEach((state, i) => {
        state.assign(nextStates[i]);
      });
    }
    return value.dataSync();
  });
}

const forward = () => tf.tidy(() => networks[network](operations(weights, false), image).dataSync());

await serveSteps({ version, threads: 1 }, what === "train" ? train : forward);
