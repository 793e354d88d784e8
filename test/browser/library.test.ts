/** The compiler in Chromium, as `npm run build` leaves it: the same bytes as in Node. */
import { createHash } from "node:crypto";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { directoryOf, SOURCE } from "../e2e/artifact.ts";
import { findChromium, launch, serve } from "./browser.ts";

const chromium = findChromium();
const dist = new URL("../../dist/", import.meta.url).pathname;

const MAIN = `
  import { compile } from "./index.js";
  import { createTrainer, synthetic } from "./runtime.js";
  const compilation = compile(${JSON.stringify(SOURCE)}, { file: "small.model" });
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", compilation.wasm));
  const trainer = await createTrainer(compilation.executable(), { seed: 1 });
  const { loss } = await trainer.step(synthetic({ length: 8, shape: [3, 16, 16] }));
  globalThis.result = { wasm: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(""), loss };
`;

test.skipIf(chromium === null)("the compiler runs in a page, and its result trains there", async () => {
  const directory = directoryOf({
    "main.js": MAIN,
    "index.html": '<!doctype html><script type="module" src="main.js"></script>',
  });
  for (const file of ["index.js", "runtime.js"]) copyFileSync(join(dist, file), join(directory, file));
  const page = await (await launch(chromium!)).newPage();
  await page.goto(await serve(directory));
  const found = await page.waitForFunction(() => (globalThis as { result?: unknown }).result);
  const wasm = createHash("sha256")
    .update(compile(SOURCE, { file: "small.model" }).wasm!)
    .digest("hex");
  expect(await found.jsonValue()).toEqual({ wasm, loss: expect.any(Number) });
});
