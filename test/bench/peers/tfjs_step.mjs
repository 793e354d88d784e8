/** Steps of the reference network in TensorFlow.js on its cpu backend. */
import { serveSteps } from "../worker.mjs";
import { load } from "./load.mjs";

const BATCH = 64;
const loaded = await load("@tensorflow/tfjs");
const tf = loaded.default ?? loaded;
await tf.setBackend("cpu");
const conv = (filters, more = {}) => tf.layers.conv2d({ filters, kernelSize: 5, padding: "same", ...more });
const pool = () => tf.layers.maxPooling2d({ poolSize: 2 });
const model = tf.sequential({
  layers: [
    ...[conv(32, { inputShape: [32, 32, 3] }), pool(), conv(32), pool(), conv(64), pool()],
    ...[tf.layers.flatten(), tf.layers.dense({ units: 64 }), tf.layers.dense({ units: 10, activation: "softmax" })],
  ],
});
model.compile({ optimizer: tf.train.sgd(0.01), loss: "sparseCategoricalCrossentropy" });
const image = tf.randomUniform([BATCH, 32, 32, 3]);
const label = tf.tensor1d(Array.from({ length: BATCH }, (_, i) => i % 10));
await serveSteps({ version: tf.version.tfjs }, () => model.trainOnBatch(image, label));
