/**
 * `npm run fuzz -- [--models] [--count N] [--seed S]`: long runs of what `npm test` does in short (see README.md here). Prints what
 * fails so that it can be pasted, and ends with 1 if anything did.
 */
import { parseArgs } from "node:util";
import { importTypeScript } from "../bench/bundle.mjs";

const { values } = parseArgs({
  options: {
    models: { type: "boolean", default: false },
    count: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(values.seed);
const count = Number(values.count ?? (values.models ? 2000 : 200_000));
if (!Number.isInteger(seed) || !(Number.isInteger(count) && count > 0)) {
  console.error("fuzz: --count and --seed take whole numbers");
  process.exit(2);
}

const start = performance.now();
const seconds = () => Math.round((performance.now() - start) / 1000);
const interval = values.models ? 100 : 10_000;
let shown = 0;
const progress = (done, failures) => {
  for (; shown < failures.length; shown++) console.log(`${failures[shown]}\n`);
  if (done % interval === 0) console.error(`${done} done, ${failures.length} failures, ${seconds()} s`);
};

async function run() {
  if (values.models) {
    const { fuzzModels } = await importTypeScript(new URL("models.ts", import.meta.url));
    return fuzzModels(seed, count, progress);
  }
  const { fuzzTexts } = await importTypeScript(new URL("texts.ts", import.meta.url));
  return fuzzTexts(seed, count, new URL("../../", import.meta.url), progress);
}

const { failures, ...counts } = await run();
console.log(JSON.stringify({ ...counts, failures: failures.length, seconds: seconds() }));
process.exit(failures.length === 0 ? 0 : 1);
