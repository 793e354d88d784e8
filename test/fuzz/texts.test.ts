/** `npm run fuzz` in short. */
import { expect, it } from "vitest";
import { fuzzTexts } from "./texts.ts";

it("1500 texts end in a model or in diagnostics with places", () => {
  expect(fuzzTexts(1, 1500, new URL("../../", import.meta.url)).failures).toEqual([]);
});
