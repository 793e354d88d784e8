/** A model whose kernels are written by hand: class scores of two inputs, y = x·Wᵀ + b, squared error, SGD with momentum. */
import { ABI_VERSION, type Engine, type Executable, type Manifest, type ManifestTensor } from "../../runtime/abi.ts";

const FLOATS = 4;
const BATCH = 8;
/** Places in memory, in bytes. */
const AT = {
  x: 0,
  isBytes: 64,
  label: 128,
  weight: 192,
  bias: 224,
  vw: 240,
  vb: 272,
  lr: 288,
  n: 292,
  rng: 296,
  loss: 304,
  hits: 308,
  out: 320,
};

const tensor = (name: string, kind: ManifestTensor["kind"], shape: number[], address: number): ManifestTensor => {
  const init =
    kind === "param" ? ({ kind: "uniform", low: -0.5, high: 0.5 } as const) : ({ kind: "constant", value: 0 } as const);
  return { name, kind, shape, init, address };
};

export const manifest: Manifest = {
  abi: ABI_VERSION,
  name: "linear",
  batch: BATCH,
  floatBytes: FLOATS,
  memoryBytes: 1024,
  inputs: [
    {
      name: "x",
      role: "input",
      dtype: "f32",
      shape: [2],
      address: AT.x,
      bytes: "x.bytes",
    },
    { name: "label", role: "target", dtype: "i32", shape: [], classes: 3, address: AT.label },
  ],
  tensors: [
    tensor("fc.weight", "param", [3, 2], AT.weight),
    tensor("fc.bias", "param", [3], AT.bias),
    tensor("fc.weight.velocity", "state", [3, 2], AT.vw),
    tensor("fc.bias.velocity", "state", [3], AT.vb),
  ],
  totals: [
    { name: "loss/total", shape: [], combine: "mean", address: AT.loss },
    { name: "accuracy/total", shape: [], combine: "mean", address: AT.hits },
  ],
  scalars: [
    { address: AT.lr, expr: ["mul", 0.1, ["pow", 0.99, "step"]] },
    { address: AT.n, expr: "n" },
    { address: AT.isBytes, expr: "x.bytes" },
  ],
  rng: AT.rng,
  programs: {
    train_step: {
      results: [{ name: "loss", dtype: "f32", shape: [], address: AT.loss }],
      calls: [{ kernel: "fc_grad", label: "fc", place: "linear.model:3:5" }],
    },
    evaluate: { results: [] },
    summary: {
      results: [
        { name: "loss", dtype: "f32", shape: [], address: AT.loss },
        { name: "accuracy", dtype: "f32", shape: [], address: AT.hits },
      ],
    },
    forward: { results: [{ name: "logits", dtype: "f32", shape: ["n", 3], address: AT.out }] },
  },
  lr: ["mul", 0.1, ["pow", 0.99, "step"]],
  data: null,
  train: { epochs: 3, shuffle: true },
};

export interface Calls {
  /** Every program that ran, with its n and the labels it saw. */
  readonly log: { program: string; n: number; labels: number[] }[];
  readonly memory: ArrayBuffer;
}

/** `checkFinite` reports a loss that is not finite, as kernels compiled to do so. */
export function linear(checkFinite = false): Executable & { calls: Calls } {
  const memory = new ArrayBuffer(manifest.memoryBytes);
  const calls: Calls = { log: [], memory };
  return { manifest, calls, instantiate: async () => engine(memory, calls, checkFinite) };
}

function engine(memory: ArrayBuffer, calls: Calls, checkFinite: boolean): Engine {
  const f = new Float32Array(memory);
  const labels = new Int32Array(memory, AT.label, BATCH);
  const at = (address: number) => address / FLOATS;
  const bytes = new Uint8Array(memory);
  const x = (i: number) => (f[at(AT.isBytes)] ? bytes[i] / 255 : f[i]);
  const forward = (n: number) => {
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < 3; c++) {
        const w = at(AT.weight) + 2 * c;
        f[at(AT.out) + 3 * i + c] = x(2 * i) * f[w] + x(2 * i + 1) * f[w + 1] + f[at(AT.bias) + c];
      }
    }
  };
  const error = (i: number, c: number) => f[at(AT.out) + 3 * i + c] - Number(labels[i] === c);
  const evaluate = (n: number) => {
    forward(n);
    let loss = 0;
    let hits = 0;
    for (let i = 0; i < n; i++) {
      const scores = [0, 1, 2].map((c) => f[at(AT.out) + 3 * i + c]);
      hits += Number(scores.indexOf(Math.max(...scores)) === labels[i]);
      for (let c = 0; c < 3; c++) loss += error(i, c) ** 2;
    }
    f[at(AT.loss)] = loss / n;
    f[at(AT.hits)] = hits / n;
  };
  const update = (param: number, velocity: number, gradient: number) => {
    f[velocity] = 0.9 * f[velocity] + gradient;
    f[param] -= f[at(AT.lr)] * f[velocity];
  };
  const train = (n: number) => {
    evaluate(n);
    for (let c = 0; c < 3; c++) {
      const gradient = [0, 0, 0];
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < 3; k++) gradient[k] += (2 / f[at(AT.n)]) * error(i, c) * (k === 2 ? 1 : x(2 * i + k));
      }
      update(at(AT.weight) + 2 * c, at(AT.vw) + 2 * c, gradient[0]);
      update(at(AT.weight) + 2 * c + 1, at(AT.vw) + 2 * c + 1, gradient[1]);
      update(at(AT.bias) + c, at(AT.vb) + c, gradient[2]);
    }
  };
  // What the batches make together is the result.
  const summary = () => {};
  const programs: Record<string, (n: number) => void> = {
    forward,
    evaluate,
    summary,
    train_step: train,
  };
  return {
    memory,
    run(program, n) {
      calls.log.push({ program, n, labels: [...labels.subarray(0, n)] });
      programs[program](n);
      return checkFinite && program === "train_step" && !Number.isFinite(f[at(AT.loss)]) ? 1 : 0;
    },
  };
}

/** Three clouds of points, one a class. */
export function points(samples: number): { x: Float32Array; label: Uint8Array } {
  const x = new Float32Array(2 * samples);
  const label = new Uint8Array(samples);
  for (let i = 0; i < samples; i++) {
    label[i] = i % 3;
    x[2 * i] = [0, 1, 0][label[i]] + ((i * 7) % 11) / 30;
    x[2 * i + 1] = [0, 0, 1][label[i]] + ((i * 5) % 13) / 40;
  }
  return { x, label };
}
