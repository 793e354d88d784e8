/** Artifacts in Node, each in a directory where nothing else is. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { artifact, directoryOf, SCENARIO, type ScenarioResult, SOURCE } from "./artifact.ts";

const run = promisify(execFile);

/** Runs a script in the directory, with no other module in reach, and reads what it prints. */
async function node(directory: string, script: string): Promise<ScenarioResult> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: directory });
  return JSON.parse(stdout);
}

const runScenario = (name: string, options = "{}") => `
  import * as model from "./${name}.js";
  import { scenario } from "./scenario.mjs";
  console.log(JSON.stringify(await scenario(model, ${options})));
`;
const withScenario = (files: ReturnType<typeof artifact>) => directoryOf({ ...files, "scenario.mjs": SCENARIO });

describe("in an empty directory, Node trains, predicts, saves and loads", async () => {
  const expected = await node(withScenario(artifact(SOURCE)), runScenario("small"));

  test("with the kernels in a .wasm file", () => {
    expect(expected.losses[2]).toBeLessThan(expected.losses[0]);
    expect(expected.losses[0]).toBeLessThan(3);
    expect(expected).toMatchObject({ n: 70, outputs: 700, same: true, resumes: true, step: { n: 1, step: 31 } });
    expect(expected.evaluation).toMatchObject({ n: 70, loss: expect.any(Number), accuracy: expect.any(Number) });
  });

  test("again with the same bits", async () => {
    expect(await node(withScenario(artifact(SOURCE)), runScenario("small"))).toEqual(expected);
  });

  test("with the kernels inside the module", async () => {
    const files = artifact(SOURCE, { inline: true });
    expect(Object.keys(files)).toEqual(["small.js", "small.d.ts"]);
    expect(await node(withScenario(files), runScenario("small"))).toEqual(expected);
  });

  test("on several threads", async () => {
    for (const threads of [2, 3]) {
      const directory = withScenario(artifact(SOURCE, { inline: threads === 3 }));
      const script = `
        import { createTrainer } from "./small.js";
        const trainer = await createTrainer({ threads: ${threads} });
        if (trainer.threads !== ${threads} || trainer.notes.length > 0) throw new Error(trainer.notes.join());
        ${runScenario("small", `{ threads: ${threads} }`)}
      `;
      expect(await node(directory, script)).toEqual(expected);
    }
  });

  test("with kernels that the caller gives", async () => {
    const { "small.wasm": wasm, ...files } = artifact(SOURCE);
    const directory = withScenario({ ...files, kernels: wasm });
    const read = `(await import("node:fs")).readFileSync("kernels")`;
    expect(await node(directory, runScenario("small", `{ wasm: ${read} }`))).toEqual(expected);
    expect(await node(directory, runScenario("small", `{ wasm: new WebAssembly.Module(${read}) }`))).toEqual(expected);
  });

  test("with JavaScript kernels", async () => {
    const files = artifact(SOURCE, { backend: "js" });
    expect(Object.keys(files)).toEqual(["small.js", "small.d.ts"]);
    const result = await node(withScenario(files), `delete globalThis.WebAssembly; ${runScenario("small")}`);
    expect(result).toMatchObject({ n: 70, outputs: 700, same: true, resumes: true });
    expect(result.losses[0]).toBeCloseTo(expected.losses[0], 2);
  });

  test("in double precision", async () => {
    const files = artifact(SOURCE, { backend: "js", precision: "f64" });
    const result = await node(withScenario(files), runScenario("small"));
    expect(result).toMatchObject({ n: 70, outputs: 700, same: true, resumes: true });
    expect(result.losses[0]).toBeCloseTo(expected.losses[0], 2);
  });

  test("after a bundler for browsers has packed it", async () => {
    const directory = withScenario(artifact(SOURCE, { inline: true }));
    const options = { bundle: true, format: "esm", platform: "browser", write: false, logLevel: "silent" } as const;
    const { outputFiles, warnings } = await build({ ...options, entryPoints: [join(directory, "small.js")] });
    expect(warnings).toEqual([]);
    const packed = directoryOf({ "packed.js": outputFiles[0].text, "scenario.mjs": SCENARIO });
    expect(await node(packed, runScenario("packed"))).toEqual(expected);
  });
});

describe("where threads cannot be had, it trains on one and says why", () => {
  const notes = async (directory: string, options: string) => {
    const script = `
      import { createTrainer, synthetic } from "./small.js";
      const trainer = await createTrainer(${options});
      await trainer.step(synthetic({ length: 4, shape: [3, 16, 16] }));
      console.log(JSON.stringify({ threads: trainer.threads, notes: trainer.notes }));
    `;
    return node(directory, script) as Promise<unknown>;
  };

  test("the module was renamed, so that workers do not find it", async () => {
    const { "small.js": text, ...files } = artifact(SOURCE);
    const script = `
      import { createTrainer } from "./other.js";
      const { threads, notes } = await createTrainer({ threads: 2 });
      console.log(JSON.stringify({ threads, notes }));
    `;
    const said = (await node(directoryOf({ ...files, "other.js": text }), script)) as unknown;
    expect(said).toEqual({
      threads: 1,
      notes: [expect.stringMatching(/^the kernels run on one thread: no others could be started \(.*small\.js/)],
    });
  });

  test("the caller gave a compiled module", async () => {
    const { "small.wasm": wasm, ...files } = artifact(SOURCE);
    const read = `new WebAssembly.Module((await import("node:fs")).readFileSync("kernels"))`;
    expect(await notes(directoryOf({ ...files, kernels: wasm }), `{ threads: 2, wasm: ${read} }`)).toEqual({
      threads: 1,
      notes: [expect.stringContaining("a compiled module was given; give its bytes")],
    });
  });

  test("the kernels are JavaScript", async () => {
    expect(await notes(directoryOf(artifact(SOURCE, { backend: "js" })), "{ threads: 2 }")).toEqual({
      threads: 1,
      notes: ["the kernels run on one thread: they were compiled for one"],
    });
  });

  test("more are asked for than there is memory for", async () => {
    expect(await notes(directoryOf(artifact(SOURCE)), "{ threads: 65 }")).toEqual({
      threads: 64,
      notes: ["the kernels run on 64 threads: that is the most"],
    });
  });
});

test("a missing .wasm file is named", async () => {
  const directory = withScenario(artifact(SOURCE));
  rmSync(join(directory, "small.wasm"));
  await expect(node(directory, runScenario("small"))).rejects.toThrow(
    /TrainerError: cannot read the kernels at file:.*small\.wasm \(ENOENT.*\): put the \.wasm file there/,
  );
});

test("a name that is no identifier, or no file name, still makes an artifact", async () => {
  for (const [name, file] of [
    ["my-net.v2", "my-net.v2"],
    ["../a b*/'", "_a_b___"],
    ["", "model"],
    ["класс", "_____"],
  ]) {
    const files = artifact(SOURCE, { name });
    expect(Object.keys(files)).toEqual([`${file}.js`, `${file}.d.ts`, `${file}.wasm`]);
    const script = `import { manifest } from "./${file}.js"; console.log(JSON.stringify(manifest.batch))`;
    expect(await node(directoryOf(files), script)).toBe(32);
  }
});

test("no artifact makes code of text, or imports anything", () => {
  for (const backend of ["wasm", "js"] as const) {
    const text = artifact(SOURCE, { backend, inline: true })["small.js"] as string;
    expect(text).not.toMatch(/\beval\b|\bFunction\s*\(|blob:|createObjectURL|importScripts/);
    expect(text.replace(/^\/\*\*[\s\S]*?\*\//, "")).not.toMatch(/\bimport\s*[("'{*]|\brequire\b/);
  }
});

test("the reference network's artifact is at most 40 KB packed, its module 18 KB", () => {
  const files = artifact(readFileSync(new URL("../../models/cifar_net.model", import.meta.url), "utf8"));
  const size = (name: string) => gzipSync(files[name], { level: 9 }).length;
  expect(size("small.js")).toBeLessThanOrEqual(18 * 1024);
  expect(size("small.js") + size("small.wasm")).toBeLessThanOrEqual(40 * 1024);
});

describe("types", async () => {
  const USE = `
    import { createTrainer, decodeSafetensors, manifest, NonFiniteError, synthetic, TrainerError } from "./small.js";
    import type { Dataset, Trainer } from "./small.js";
    const trainer: Trainer = await createTrainer({ seed: 1, threads: "auto" });
    const { loss, lr, n, step } = await trainer.step({ image: new Uint8Array(768), label: new Uint8Array(1) });
    await trainer.step({ image: new Float32Array(768), label: [3] });
    const data: Dataset = synthetic({ length: 100, shape: [3, 16, 16] });
    for await (const { epoch, loss, accuracy = 0 } of trainer.fit(data, { epochs: 5, signal: new AbortController().signal })) {
      console.log(epoch + loss + accuracy);
    }
    const evaluation = await trainer.evaluate(data);
    const { logits } = await trainer.predict({ image: data.images });
    const sum: number = loss + (lr ?? 0) + n + step + evaluation.accuracy + evaluation.loss + evaluation.recall[9] + logits[0] + manifest.batch;
    const bytes: Uint8Array = await trainer.save({ weightsOnly: true });
    await trainer.load(bytes, { weightsOnly: true });
    const weights: Float32Array = trainer.tensor("conv1.weight").data;
    decodeSafetensors(bytes).tensors.get("fc.bias")?.shape.length;
    console.log(sum, weights, trainer.progress.epoch, new TrainerError().code, new NonFiniteError().place);
    trainer.dispose();
    // @ts-expect-error: recall is of each class
    evaluation.recall.toFixed(2);
    // @ts-expect-error: the input is called image
    await trainer.step({ images: new Uint8Array(768), label: [3] });
    // @ts-expect-error: the target is missing
    await trainer.step({ image: new Uint8Array(768) });
    // @ts-expect-error: of the wrong type
    await trainer.step({ image: new Int32Array(768), label: [3] });
    // @ts-expect-error: not a metric of this model
    evaluation.precision;
    // @ts-expect-error: not an output of this model
    (await trainer.predict({ image: data.images })).output;
    // @ts-expect-error: not a tensor of this model
    trainer.tensor("conv2.weight");
  `;
  const tsc = new URL("../../node_modules/.bin/tsc", import.meta.url).pathname;
  const check = (files: Readonly<Record<string, string | Uint8Array>>, ...more: string[]) => {
    const options = [
      "--noEmit",
      "--strict",
      "--target",
      "es2022",
      "--module",
      "esnext",
      "--moduleResolution",
      "bundler",
    ];
    return run(tsc, [...options, ...more, "use.ts"], { cwd: directoryOf(files) }).then(
      () => "",
      ({ stdout }) => stdout as string,
    );
  };
  const withoutNode = ["--types", ""];

  test("know the model's inputs, metrics, outputs and tensors", async () => {
    expect(await check({ ...artifact(SOURCE), "use.ts": USE }, ...withoutNode)).toBe("");
  });

  test("hold for JavaScript kernels and double precision", async () => {
    const files = artifact(SOURCE, { backend: "js", precision: "f64" });
    const use = `
      import { createTrainer } from "./small.js";
      const trainer = await createTrainer({ seed: 1 });
      const weights: Float64Array = trainer.parameters()[0].data;
      console.log(weights);
      // @ts-expect-error: there is no WebAssembly in it
      await createTrainer({ wasm: new Uint8Array() });
    `;
    expect(await check({ ...files, "use.ts": use }, ...withoutNode)).toBe("");
  });

  test("are those of the runtime", async () => {
    const runtime = new URL("../../runtime/index.ts", import.meta.url).pathname;
    const use = `
      import * as runtime from "${runtime}";
      import * as model from "./small.js";
      type Result<T> = T extends AsyncGenerator<infer R, void, void> ? R : T extends Promise<infer R> ? R : never;
      type Call<T extends keyof runtime.Trainer & keyof model.Trainer, R extends runtime.Trainer | model.Trainer> =
        R[T] extends (...args: never[]) => infer X ? Result<X> : never;
      declare const trainer: runtime.Trainer;
      declare const options: Omit<model.TrainerOptions, "wasm">;
      export const checks = {
        step: (x: Call<"step", runtime.Trainer>): Call<"step", model.Trainer> => x,
        fit: (x: Call<"fit", runtime.Trainer>): Omit<Call<"fit", model.Trainer>, "evaluation"> => x,
        save: (x: Call<"save", runtime.Trainer>): Call<"save", model.Trainer> => x,
        progress: (x: runtime.Trainer["progress"]): model.Progress => x,
        onStep: (x: runtime.FitStep): model.FitStep => x,
        back: (x: model.FitStep): runtime.FitStep => x,
        batch: (x: model.Batch): runtime.Columns => ({ ...x }),
        dataset: (x: model.Dataset): runtime.Dataset => x,
        synthetic: (x: runtime.Dataset): model.Dataset => x,
        create: (x: typeof options): runtime.TrainerOptions => x,
        fitOptions: ({ evalDataset, ...x }: model.FitOptions): runtime.FitOptions => x,
        fitOptionsBack: ({ evalDataset, ...x }: runtime.FitOptions): model.FitOptions => x,
        load: (x: model.LoadOptions): runtime.LoadOptions => x,
        saveOptions: (x: model.SaveOptions): Parameters<runtime.Trainer["save"]>[0] => x,
        members: (x: Exclude<keyof model.Trainer, keyof runtime.Trainer>): never => x,
        membersBack: (x: Exclude<keyof runtime.Trainer, keyof model.Trainer>): never => x,
        exports: (x: Exclude<keyof typeof model, keyof typeof runtime | "manifest">): never => x,
        error: (x: runtime.NonFiniteError): model.NonFiniteError => x,
        views: (x: ReturnType<typeof trainer.tensors>[number]): Omit<model.TensorView, "data"> => x,
      };
    `;
    const types = new URL("../../node_modules/@types", import.meta.url).pathname;
    const withNode = ["--allowImportingTsExtensions", "--typeRoots", types, "--types", "node"];
    expect(await check({ ...artifact(SOURCE), "use.ts": use }, ...withNode)).toBe("");
  });
});
