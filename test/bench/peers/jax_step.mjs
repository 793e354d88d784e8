/** Steps of the reference network in jax-js on its wasm backend, jitted. */
import { serveSteps } from "../worker.mjs";
import { load } from "./load.mjs";

const BATCH = 64;
const jax = await load("@jax-js/jax");
const { numpy: np, lax, nn, random } = jax;
await jax.init("wasm");
jax.defaultDevice("wasm");

const shapes = {
  ...{ conv1: [32, 3, 5, 5], conv2: [32, 32, 5, 5], conv3: [64, 32, 5, 5] },
  ...{ fc1: [1024, 64], fc2: [64, 10] },
};
const weights = Object.entries(shapes).map(([, shape], i) => random.normal(random.key(i), shape).mul(0.05));

function pooled(x) {
  const [n, c, h, w] = x.shape;
  return np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
}

function loss([conv1, conv2, conv3, fc1, fc2], image, label) {
  let x = image;
  for (const w of [conv1, conv2, conv3]) x = pooled(lax.conv(x, w, [1, 1], "SAME"));
  const logits = np.matmul(np.matmul(x.reshape([BATCH, 1024]), fc1), fc2);
  return np.mean(np.sum(nn.logSoftmax(logits, 1).mul(label), 1)).mul(-1);
}

const gradients = jax.jit(jax.grad(loss));
const image = random.uniform(random.key(10), [BATCH, 3, 32, 32]);
const label = nn.oneHot(
  np.array(
    Array.from({ length: BATCH }, (_, i) => i % 10),
    { dtype: np.int32 },
  ),
  10,
);
let parameters = weights;
await serveSteps({}, async () => {
  const all = gradients(
    parameters.map((p) => p.ref),
    image.ref,
    label.ref,
  );
  parameters = parameters.map((p, i) => p.sub(all[i].mul(0.01)));
  await jax.blockUntilReady(parameters.map((p) => p.ref));
});
