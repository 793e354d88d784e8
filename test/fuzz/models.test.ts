/** `npm run fuzz -- --models` in short. */
import { expect, it } from "vitest";
import { fuzzModels } from "./models.ts";

it("random models train alike in the interpreter, in JavaScript and in WebAssembly", async () => {
  const { failures, models, skipped, compared, sharp } = await fuzzModels(1, 12);
  expect(failures).toEqual([]);
  expect(skipped).toBeLessThan(models / 4);
  // Tolerances follow the rounding of each tensor; they must not become so wide that nothing is compared.
  expect(sharp / compared).toBeGreaterThan(0.5);
});
