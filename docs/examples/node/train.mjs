// Trains an artifact in Node, stops half-way, goes on in a second trainer, and asks it what it sees.
// Build it first: npx mlc build docs/examples/shapes.model -o docs/examples/node/dist
import { readFile, writeFile } from "node:fs/promises";
import { createTrainer, synthetic } from "./dist/shapes.js";

const train = synthetic({ length: 2048 });
const test = synthetic({ length: 500, split: "test" });
const file = new URL("dist/shapes.safetensors", import.meta.url);
const options = { epochs: 6, evalDataset: test };

const first = await createTrainer({ seed: 1 });
for await (const epoch of first.fit(train, options)) {
  report(epoch);
  if (epoch.epoch === 3) break;
}
await writeFile(file, await first.save());
first.dispose();
console.log(`saved ${file.pathname}`);

// The file has the weights, the optimizer's state and where the run stands: it ends as if it had never been stopped.
const second = await createTrainer();
await second.load(await readFile(file));
for await (const epoch of second.fit(train, options)) report(epoch);

const { logits } = await second.predict({ image: test.images.subarray(0, 10 * 3072) });
for (let i = 0; i < 10; i++) {
  const scores = logits.subarray(10 * i, 10 * (i + 1));
  const best = scores.indexOf(Math.max(...scores));
  console.log(`${test.names[test.labels[i]].padEnd(18)} looks like: ${test.names[best]}`);
}
second.dispose();

function report({ epoch, loss, accuracy, seconds }) {
  const rate = Math.round(train.length / seconds);
  console.log(`epoch ${epoch}  loss ${loss.toFixed(4)}  accuracy ${(100 * accuracy).toFixed(1)} %  ${rate} images/s`);
}
