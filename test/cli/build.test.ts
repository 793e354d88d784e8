/** `mlc build` and `mlc explain`: the files, and what is told of them. */
import { readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { synthetic } from "../../runtime/index.ts";
import { jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const model = work.file("small.model", SMALL);
const build = (name: string, ...options: string[]) => mlc(["build", model, "-o", work.path(name), ...options]);

async function lossOfOneStep(name: string): Promise<number> {
  const { createTrainer } = await import(pathToFileURL(work.path(`${name}/small.js`)).href);
  const trainer = await createTrainer({ seed: 3 });
  const { images, labels } = synthetic({ length: 20, shape: [3, 8, 8] });
  return (await trainer.step({ image: images, label: labels })).loss;
}

test("writes the module, its kernels and its types, and tells their sizes, kernels and memory", async () => {
  const { code, stdout, stderr } = await build("out");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(readdirSync(work.path("out")).sort()).toEqual(["small.d.ts", "small.js", "small.wasm"]);
  expect(stdout).toMatch(/^train_step: \d+ kernels/);
  expect(stdout).toMatch(/memory of the module +\S+ [KM]iB/);
  expect(stdout).toMatch(/small\.wasm +\S+ KiB, \S+ KiB gzipped/);
  expect(await lossOfOneStep("out")).toBeGreaterThan(1);
});

test("--inline and --target js are one file each beside the types, and train alike", async () => {
  await build("wasm");
  await build("inline", "--inline");
  await build("js", "--target", "js");
  for (const name of ["inline", "js"]) expect(readdirSync(work.path(name)).sort()).toEqual(["small.d.ts", "small.js"]);
  const loss = await lossOfOneStep("wasm");
  expect(await lossOfOneStep("inline")).toBe(loss);
  expect(await lossOfOneStep("js")).toBeCloseTo(loss, 4);
});

test("--json reports in JSON, --quiet not at all", async () => {
  const [report] = jsonLines((await build("out", "--json")).stdout);
  expect(report).toMatchObject({
    event: "build",
    files: expect.any(Array),
    kernels: expect.any(Array),
    memory: expect.any(Object),
  });
  expect(await build("out", "--quiet")).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("explain shows each stage", async () => {
  const { stdout } = await mlc(["explain", model]);
  expect(stdout).toContain("More with --stage:");
  for (const [, stage] of stdout.split("More with --stage:")[1].matchAll(/^ {2}(\w+) /gm)) {
    const shown = await mlc(["explain", model, "--stage", stage, "--program", "train_step"]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout.length, stage).toBeGreaterThan(100);
  }
});

test("the gradient of cross-entropy at the logits is softmax minus one-hot, over n", async () => {
  const { stdout } = await mlc(["explain", model, "--stage", "gradient", "--program", "train_step"]);
  expect(stdout).toContain("softmax");
  expect(stdout).toContain("one_hot");
});
