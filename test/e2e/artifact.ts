/** Artifacts in empty directories, for tests that use them as an app would. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import runtimeSource from "virtual:runtime";
import { afterAll } from "vitest";
import { bundleArtifact } from "../../compiler/4-codegen/bundle.ts";
import { type CompileOptions, compile } from "../../compiler/compile.ts";

/** A small network with most of what a step can have: shuffling, noise, running statistics, a schedule, states. */
export const SOURCE = `model small {
  input  image: f32[3, 16, 16]
  target label: class[10]
  net {
    conv1: conv2d(8, kernel = 3, padding = 1)
    bn1: batch_norm2d
    relu
    max_pool2d(2)
    flatten
    dropout(0.1)
    fc: linear(10)
  }
  loss cross_entropy(net, label)
  metric accuracy(net, label)
  metric recall(net, label)
  optimizer adam(lr = one_cycle(max_lr = 0.01))
  data synthetic { random_flip }
  train { epochs = 3, batch = 32 }
}
`;

export interface ArtifactOptions extends CompileOptions {
  readonly name?: string;
  readonly inline?: boolean;
}

/** Its files, by name. */
export function artifact(source: string, { name = "small", inline = false, ...options }: ArtifactOptions = {}) {
  const { manifest, wasm, js } = compile(source, options);
  return bundleArtifact({ name, manifest, wasm, js, inline, runtimeSource });
}

/** A directory that holds these files alone, until the tests of this file are over. */
export function directoryOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const directory = mkdtempSync(join(tmpdir(), "mlc-artifact-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

/** What Node and browsers run: training, evaluation, prediction, saving; `digest` is of every saved byte. */
export const SCENARIO = `
export async function scenario({ createTrainer, synthetic }, options) {
  const shape = [3, 16, 16];
  const train = synthetic({ length: 300, shape });
  const test = synthetic({ length: 70, shape, split: "test" });
  const trainer = await createTrainer({ seed: 5, ...options });
  const epochs = [];
  for await (const epoch of trainer.fit(train, { epochs: 3, evalDataset: test })) epochs.push(epoch);
  const trained = await sha256(await trainer.save());

  const killed = await createTrainer({ seed: 5, ...options });
  const stop = new AbortController();
  const onStep = ({ step }) => step === 17 && stop.abort();
  for await (const _ of killed.fit(train, { epochs: 3, signal: stop.signal, onStep }));
  const resumed = await createTrainer({ seed: 6, ...options });
  await resumed.load(await killed.save());
  for await (const _ of resumed.fit(train, { epochs: 3 }));
  const resumes = (await sha256(await resumed.save())) === trained;

  const { logits, n } = await trainer.predict({ image: test.images });
  const step = await trainer.step({ image: Float32Array.from(train.images.subarray(0, 768), (x) => x / 255), label: [0] });
  const bytes = await trainer.save();
  const digest = await sha256(bytes);
  trainer.dispose();

  const copy = await createTrainer(options);
  await copy.load(bytes);
  const again = await copy.evaluate(test);
  const same = (await sha256(await copy.save())) === digest;
  return { losses: epochs.map((e) => e.loss), evaluation: epochs[2].evaluation, outputs: logits.length, n, step, again, same, resumes, digest };
}

async function sha256(bytes) {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
`;

export interface ScenarioResult {
  readonly losses: number[];
  readonly evaluation: { loss: number; accuracy: number; n: number };
  readonly outputs: number;
  readonly n: number;
  readonly step: { loss: number; lr: number; n: number; step: number };
  readonly again: { loss: number };
  /** Loading gives back what was saved; a run that is stopped and resumed ends with the bytes of one that is not. */
  readonly same: boolean;
  readonly resumes: boolean;
  readonly digest: string;
}
