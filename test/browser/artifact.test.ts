/** Artifacts in Chromium: the same files as in Node, and the same bits. */
import { execFileSync } from "node:child_process";
import { beforeAll, describe, expect, test } from "vitest";
import { artifact, directoryOf, SCENARIO, type ScenarioResult, SOURCE } from "../e2e/artifact.ts";
import { findChromium, launch, type ServerOptions, serve } from "./browser.ts";

const chromium = findChromium();

const MAIN = `
  import * as model from "./small.js";
  import { scenario } from "./scenario.mjs";
  const report = (result) => { globalThis.document ? (globalThis.result = result) : postMessage(result); };
  scenario(model).then(report, (error) => report({ error: String(error) }));
`;
const WORKER = `new Worker("main.js", { type: "module" }).onmessage = ({ data }) => { globalThis.result = data; };`;
const page = (script: string) =>
  `<!doctype html><title>artifact</title><script type="module" src="${script}"></script>`;

/** Node's result for the same files. */
function inNode(directory: string): ScenarioResult {
  const script = `import * as model from "./small.js"; import { scenario } from "./scenario.mjs";
    console.log(JSON.stringify(await scenario(model)));`;
  return JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "--eval", script], { cwd: directory }).toString(),
  );
}

describe.skipIf(chromium === null)("in Chromium", () => {
  let browser: Awaited<ReturnType<typeof launch>>;
  beforeAll(async () => {
    browser = await launch(chromium!);
  });

  const place = (options = {}) =>
    directoryOf({
      ...artifact(SOURCE, options),
      "scenario.mjs": SCENARIO,
      "main.js": MAIN,
      "worker.js": WORKER,
      "index.html": page("main.js"),
      "worker.html": page("worker.js"),
    });

  /** What the page finds out, and what the console says on the way. */
  async function open(directory: string, path = "", options: ServerOptions = {}) {
    const tab = await browser.newPage();
    const complaints: string[] = [];
    tab.on("pageerror", (error) => complaints.push(error.message));
    tab.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("404")) complaints.push(message.text());
    });
    await tab.goto((await serve(directory, options)) + path);
    const found = await tab.waitForFunction(() => (globalThis as { result?: unknown }).result, undefined, {
      timeout: 60_000,
    });
    // Typed arrays as what Node's side writes for them.
    const result = JSON.parse(JSON.stringify(await found.jsonValue())) as ScenarioResult;
    await tab.close();
    expect(complaints).toEqual([]);
    return result;
  }

  test("a page trains, predicts, saves and loads, with the bits of Node", async () => {
    const directory = place();
    const result = await open(directory);
    expect(result.losses[2]).toBeLessThan(result.losses[0]);
    expect(result).toEqual(inNode(directory));
  });

  test("a worker does the same", async () => {
    const directory = place();
    expect(await open(directory, "worker.html")).toEqual(inNode(directory));
  });

  test("a server that does not know .wasm files will do", async () => {
    const directory = place();
    expect(await open(directory, "", { wasmType: "application/octet-stream" })).toEqual(inNode(directory));
  });

  test("a page that forbids everything but WebAssembly can have it, in one file or two", async () => {
    const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
    const directory = place();
    const expected = inNode(directory);
    expect(await open(directory, "", { policy })).toEqual(expected);
    expect(await open(place({ inline: true }), "", { policy })).toEqual(expected);
  });

  test("a page that forbids WebAssembly too can have the JavaScript kernels", async () => {
    const policy = "default-src 'none'; script-src 'self'";
    const directory = place({ backend: "js" });
    const result = await open(directory, "", { policy });
    expect(result.losses).toEqual(inNode(directory).losses);
    const refused = await open(place(), "", { policy: `${policy}; connect-src 'self'` });
    expect(refused).toEqual({ error: expect.stringMatching(/WebAssembly.*Content Security/) });
  });

  describe("asked for two threads", () => {
    const THREADS = `
      import * as model from "./small.js";
      import { scenario } from "./scenario.mjs";
      const run = async () => {
        const trainer = await model.createTrainer({ threads: 2 });
        const { threads, notes } = trainer;
        trainer.dispose();
        return { threads, notes, isolated: crossOriginIsolated, ...(await scenario(model, { threads: 2 })) };
      };
      const report = (result) => { globalThis.document ? (globalThis.result = result) : postMessage(result); };
      run().then(report, (error) => report({ error: String(error) }));
    `;
    const twoThreads = (options = {}) =>
      directoryOf({
        ...artifact(SOURCE, options),
        "scenario.mjs": SCENARIO,
        "main.js": THREADS,
        "worker.js": WORKER,
        "index.html": page("main.js"),
        "worker.html": page("worker.js"),
      });
    const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

    test("an isolated page, or a worker in it, has them, and the bits are the same", async () => {
      const directory = twoThreads();
      const expected = { threads: 2, notes: [], isolated: true, ...inNode(directory) };
      expect(await open(directory, "", { isolated: true, policy })).toEqual(expected);
      expect(await open(directory, "worker.html", { isolated: true })).toEqual(expected);
      expect(await open(twoThreads({ inline: true }), "", { isolated: true, policy })).toEqual(expected);
    });

    test("any other page has one, and says why", async () => {
      const directory = twoThreads();
      expect(await open(directory)).toEqual({
        threads: 1,
        notes: [expect.stringContaining("it is not cross-origin isolated")],
        isolated: false,
        ...inNode(directory),
      });
    });
  });

  test("a missing .wasm file is named", async () => {
    const { "small.wasm": _, ...files } = artifact(SOURCE);
    const directory = directoryOf({
      ...files,
      "scenario.mjs": SCENARIO,
      "main.js": MAIN,
      "index.html": page("main.js"),
    });
    expect(await open(directory)).toEqual({
      error: expect.stringMatching(/^TrainerError: cannot read the kernels at http.*small\.wasm \(status 404\)/),
    });
  });
});
