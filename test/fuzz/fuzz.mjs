/**
 * `npm run fuzz -- [--models | --forms | --uses] [--count N] [--seed S]`: long runs of what `npm test` does in short (see README.md
 * here). Prints what fails so that it can be pasted, and ends with 1 if anything did.
 */
import { importTypeScript } from "../bench/bundle.mjs";
import { scriptOptions } from "../script-options.mjs";

const flag = { type: "boolean", default: false };
const values = scriptOptions("fuzz", {
  models: flag,
  forms: flag,
  uses: flag,
  count: { type: "string" },
  seed: { type: "string", default: "1" },
});
const kind = ["models", "forms", "uses"].find((name) => values[name]) ?? "texts";
const seed = Number(values.seed);
const count = Number(values.count ?? (kind === "texts" ? 200_000 : 2000));
if (!Number.isInteger(seed) || !(Number.isInteger(count) && count > 0)) {
  console.error("fuzz: --count and --seed take whole numbers");
  process.exit(2);
}

const start = performance.now();
const seconds = () => Math.round((performance.now() - start) / 1000);
const interval = kind === "texts" ? 10_000 : 100;
let shown = 0;
const progress = (done, failures) => {
  for (; shown < failures.length; shown++) console.log(`${failures[shown]}\n`);
  if (done % interval === 0) console.error(`${done} done, ${failures.length} failures, ${seconds()} s`);
};

const found = (at, difference) => console.error(`seed ${at} differs and is made smaller: ${difference.split("\n")[0]}`);

const from = (file) => importTypeScript(new URL(file, import.meta.url));
const runs = {
  texts: async () => (await from("texts.ts")).fuzzTexts(seed, count, new URL("../../", import.meta.url), progress),
  models: async () => (await from("models.ts")).fuzzModels(seed, count, progress, found),
  forms: async () => (await from("forms.ts")).fuzzForms(seed, count, progress),
  uses: async () => {
    const uses = (await from("coverage.ts")).usesInModels(seed, count);
    for (const [name, models] of uses) console.log(`${String(models).padStart(6)} ${name}`);
    return { models: count, failures: [] };
  },
};

const { failures, ...counts } = await runs[kind]();
console.log(JSON.stringify({ ...counts, failures: failures.length, seconds: seconds() }));
process.exit(failures.length === 0 ? 0 : 1);
