/** `npm run fuzz -- --models` and `--forms` in short, on seeds that the long runs do not take. */
import { expect, it } from "vitest";
import { fuzzForms } from "./forms.ts";
import { fuzzModels } from "./models.ts";

const SEED = 100_001;

it("random models train alike in the interpreter, in JavaScript and in WebAssembly", async () => {
  const { failures, models, skipped, compared, sharp } = await fuzzModels(SEED, 8);
  expect(failures).toEqual([]);
  expect(skipped).toBeLessThan(models / 4);
  // Tolerances follow the rounding of each tensor; they must not become so wide that nothing is compared.
  expect(sharp / compared).toBeGreaterThan(0.5);
});

it("random models keep their form when formatted twice, and their graphs are read back as printed", () => {
  expect(fuzzForms(SEED, 8).failures).toEqual([]);
});
