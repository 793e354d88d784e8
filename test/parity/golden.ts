/** What test/oracle/make_goldens.py writes, and the model and data that belong to an entry. */
import { readFileSync } from "node:fs";
import { images, labels, targets, ties, uniform } from "./fixtures.ts";
import { network } from "./networks.ts";

export interface Golden {
  readonly name: string;
  readonly network: string;
  readonly loss: string;
  /** Of the user's own, outside of the model. */
  readonly definitions?: string;
  readonly optimizer: string;
  /** `label`: class[10]; `values`: f32[10]. */
  readonly target: "label" | "values";
  readonly input: "images" | "ties" | "vectors" | "cifar10" | "cifar10_train";
  readonly size: number;
  readonly batch: number;
  readonly samples: number;
  readonly losses: readonly number[];
  /** Of the initial weights. */
  readonly draw?: string;
  /** For each tensor, Σ change · probe of the first step, where probe is `uniform("probe", shape, -1, 1)`. */
  readonly first_step: Readonly<Record<string, number>>;
  /** More settings of `train`, and how many batches an update takes. */
  readonly settings?: string;
  readonly accumulate?: number;
  /** The learning rates of the steps, where they are scheduled. */
  readonly rates?: readonly number[];
  /** Of the first batch, in eval mode, after the steps: the loss, and the output of sample 0. */
  readonly evaluate?: { readonly loss: number; readonly output: readonly number[] };
  readonly epoch_sums?: readonly number[];
  /** Of CIFAR-10's test split, after the steps. */
  readonly test?: { readonly loss: number; readonly accuracy: number };
}

export function goldens(file: string): Golden[] {
  return JSON.parse(readFileSync(new URL(`../golden/${file}.json`, import.meta.url), "utf8"));
}

export function modelText(golden: Golden): string {
  const { layers = "", body } = network(golden.network);
  const { accumulate = 1, settings = "" } = golden;
  const updates = Math.ceil(Math.ceil(golden.samples / golden.batch) / accumulate);
  const epochs = Math.ceil(golden.losses.length / updates);
  const more = `${accumulate === 1 ? "" : `, accumulate = ${accumulate}`}${settings && `, ${settings}`}`;
  return `${golden.definitions ?? ""}
${layers}
model parity {
  input  ${golden.input === "vectors" ? "x: f32[7]" : `image: f32[3, ${golden.size}, ${golden.size}]`}
  target ${golden.target === "label" ? "label: class[10]" : "values: f32[10]"}
  net {
    ${body}
  }
  loss ${golden.loss}
  optimizer ${golden.optimizer}
  train { epochs = ${Math.max(epochs, 1)}, batch = ${golden.batch}, shuffle = false${more} }
}`;
}

export interface Data {
  readonly x: Uint8Array | Float32Array;
  readonly label: ArrayLike<number>;
}

/** The columns that the model takes. CIFAR-10's data are passed in. */
export function columns(golden: Golden, cifar10?: Data): Record<string, Uint8Array | Int32Array | Float32Array> {
  const { x, label } = cifar10 ?? generated(golden);
  const input = golden.input === "vectors" ? "x" : "image";
  return {
    [input]: x,
    ...(golden.target === "label" ? { label: Int32Array.from(label) } : { values: targets(label) }),
  };
}

function generated({ input, samples, size }: Golden): Data {
  const label = labels(samples);
  if (input === "vectors") return { x: uniform("vectors", [samples, 7], -2, 2), label };
  return { x: (input === "ties" ? ties : images)(samples, size), label };
}

/** As `fill` in networks.py: U(±1/√fan_in); of normalisations the weight U(0.5, 1.5) and the bias U(−0.1, 0.1). */
export function initialWeights(
  params: readonly { readonly name: string; readonly shape: readonly number[] }[],
  draw = "",
): { name: string; shape: readonly number[]; data: Float32Array }[] {
  const shapes = new Map(params.map(({ name, shape }) => [name, shape]));
  return params.map(({ name, shape }) => {
    const isBias = name.endsWith("bias");
    const weight = isBias ? shapes.get(name.replace(/bias$/, "weight"))! : shape;
    const bound = 1 / Math.sqrt(weight.slice(1).reduce((a, b) => a * b, 1));
    if (weight.length > 1) return { name, shape, data: uniform(name + draw, shape, -bound, bound) };
    return {
      name,
      shape,
      data: isBias ? uniform(name + draw, shape, -0.1, 0.1) : uniform(name + draw, shape, 0.5, 1.5),
    };
  });
}
