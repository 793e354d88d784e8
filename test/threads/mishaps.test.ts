/** Threads that end too early, and processes that end with threads. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createTrainer, type Executable } from "../../runtime/index.ts";
import { artifact, directoryOf, SOURCE } from "../e2e/artifact.ts";
import { noise } from "./noise.ts";

const run = promisify(execFile);

describe("a worker's script", () => {
  const withWorker = (text: string): Executable => {
    const executable = compile(SOURCE).executable();
    const worker = new URL(`data:text/javascript,${encodeURIComponent(text)}`);
    return { ...executable, kernels: { ...executable.kernels!, worker } };
  };

  test.each([
    ["throws", "throw new Error('no')", /Error: no/],
    ["ends at once", "process.exit(0)", /it has ended/],
    ["does not parse", "this is no script", /SyntaxError/],
  ])("that %s leaves one thread", async (_, text, reason) => {
    const trainer = await createTrainer(withWorker(text), { threads: 3 });
    expect(trainer.threads).toBe(1);
    expect(trainer.notes).toEqual([expect.stringMatching(reason)]);
    expect((await trainer.step(noise(trainer.manifest, 4, 1))).loss).toBeGreaterThan(0);
    trainer.dispose();
  });

  test("that ends later makes the next step fail, not hang", async () => {
    const text = `
      const { parentPort } = process.getBuiltinModule("node:worker_threads");
      parentPort.on("message", () => { parentPort.postMessage("ready"); setTimeout(() => process.exit(0), 50); });
    `;
    const trainer = await createTrainer(withWorker(text), { threads: 2 });
    expect(trainer.threads).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await expect(trainer.step(noise(trainer.manifest, 4, 1))).rejects.toThrow("a thread of the kernels has died");
    trainer.dispose();
  });

  test("that fails in the middle of a step makes it fail, not hang", async () => {
    const text = `
      const { parentPort } = process.getBuiltinModule("node:worker_threads");
      parentPort.on("message", ({ memory, control }) => {
        const words = new Int32Array(memory.buffer);
        parentPort.postMessage("ready");
        Atomics.wait(words, control.command / 4, 0);
        Atomics.store(words, control.failed / 4, 1);
      });
    `;
    const trainer = await createTrainer(withWorker(text), { threads: 2 });
    const batch = noise(trainer.manifest, 4, 1);
    await expect(trainer.step(batch)).rejects.toThrow("a thread of the kernels has died");
    await expect(trainer.step(batch)).rejects.toThrow("create the trainer anew");
    trainer.dispose();
  });
});

test("a process ends while its threads wait for more", async () => {
  const script = `
    import { createTrainer, synthetic } from "./small.js";
    const trainer = await createTrainer({ threads: 3 });
    const { loss } = await trainer.step(synthetic({ length: 8, shape: [3, 16, 16] }));
    console.log(trainer.threads, loss > 0);
  `;
  const options = { cwd: directoryOf(artifact(SOURCE)), timeout: 60_000 };
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], options);
  expect(stdout).toBe("3 true\n");
});

test("a process ends whose kernels cannot be read, with the workers that were started for them", async () => {
  const script = `
    import { createTrainer } from "./small.js";
    await createTrainer({ threads: 3, wasm: new URL("absent.wasm", import.meta.url) }).catch(({ code }) => console.log(code));
  `;
  const directory = directoryOf({ ...artifact(SOURCE), "script.mjs": script });
  const { stdout } = await run(process.execPath, ["script.mjs"], { cwd: directory, timeout: 60_000 });
  expect(stdout).toBe("artifact\n");
});

test("values that are not finite are found on several threads as on one", async () => {
  const source = SOURCE.replace("one_cycle(max_lr = 0.01)", "1e38");
  const message = async (threads: number) => {
    const trainer = await createTrainer(compile(source, { checkFinite: true }).executable(), { seed: 1, threads });
    let found = "";
    for (let step = 0; step < 5 && found === ""; step++) {
      await trainer.step(noise(trainer.manifest, 32, step)).catch((error) => {
        found = `${error.name}: ${error.message}`;
      });
    }
    // The threads go on after that.
    await trainer.predict({ image: noise(trainer.manifest, 4, 1).image }).catch(() => {});
    trainer.dispose();
    return found;
  };
  const one = await message(1);
  expect(one).toMatch(/^NonFiniteError: step \d: the first value/);
  expect(await message(2)).toBe(one);
  expect(await message(4)).toBe(one);
});
