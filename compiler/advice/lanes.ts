/** Sizes that leave lanes of vectors idle, where that costs a share of the model's multiplications worth naming. */
import type { Diagnostic, Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { type Module, sizeOf, topological, type Value } from "../ir/graph.ts";
import { numberAttr } from "../ops/types.ts";

/** Lanes of a WebAssembly vector. */
const LANES = 4;
/** Of all multiplications of the loss. */
const WORTH_NAMING = 0.05;

/** A convolution or a matrix product with weights, whose results for so many channels or features share vectors. */
interface Product {
  readonly size: number;
  readonly unit: "channel" | "feature";
  /** Multiplications of one sample. */
  readonly work: number;
  readonly span: Span | null;
}

/** The module is simplified: what is written in several ways is one operation. */
export function wastedLanes({ inputs, programs }: Module): readonly Diagnostic[] {
  const loss = programs[0].results.map(({ value }) => value);
  const products = topological(loss).flatMap(productOf);
  const total = products.reduce((sum, product) => sum + product.work + idleWork(product), 0);
  // Nobody can change the number of classes, or of an image's channels.
  const given = new Set(
    inputs.flatMap(({ shape, classes }) => [...shape, ...(classes === undefined ? [] : [classes])]),
  );
  const wasteful = products.filter(({ size }) => size % LANES !== 0 && !given.has(size));
  return [...groupedByPlace(wasteful)].flatMap((same) => {
    const [{ size, unit, span }] = same;
    const share = same.reduce((sum, product) => sum + idleWork(product), 0) / total;
    if (share < WORTH_NAMING) return [];
    const lanes = filled(size);
    const help = lanes > LANES ? `${lanes} cost as much here, and ${lanes - LANES} less` : `${lanes} cost as much here`;
    const percent = Math.round(100 * share);
    return [
      errors.wastedLanes(
        { lanes, size: `${size} ${unit}${size === 1 ? "" : "s"}`, idle: lanes - size, percent },
        span,
        { help },
      ),
    ];
  });
}

const filled = (size: number): number => Math.ceil(size / LANES) * LANES;
const idleWork = ({ size, work }: Product): number => (work / size) * (filled(size) - size);

/** A layer that is applied several times is one place. */
function groupedByPlace(products: readonly Product[]): Iterable<Product[]> {
  const places = new Map<string, Product[]>();
  for (const product of products) {
    const { size, span } = product;
    const key = `${size} ${span?.file.name} ${span?.start}`;
    places.set(key, [...(places.get(key) ?? []), product]);
  }
  return places.values();
}

function productOf({ op, inputs, attrs, type, span }: Value): Product[] {
  if (op === "matmul") {
    const [x, weight] = inputs;
    const size = weight.type.shape[weight.type.shape.length - 1];
    if (!isWeight(weight) || size === "n") return [];
    return [{ size, unit: "feature", work: sizeOf([...x.type.shape, size], 1), span }];
  }
  if (op !== "conv2d" && op !== "conv2d_grad_input") return [];
  const [out, perGroup, kh, kw] = inputs[1].type.shape as readonly number[];
  const groups = numberAttr(attrs, "groups");
  const isTransposed = op === "conv2d_grad_input";
  const results = isTransposed ? inputs[0].type.shape : type.shape;
  const work = sizeOf(results, 1) * perGroup * kh * kw;
  // Convolutions of each channel by itself have all channels in lanes.
  const size = isTransposed ? perGroup : out / groups;
  return [{ size: perGroup === 1 && out === groups ? out : size, unit: "channel", work, span }];
}

/** Made of parameters and nothing that a model is given. */
const isWeight = (value: Value): boolean =>
  topological([value]).every(({ op, inputs }) => inputs.length > 0 || op === "param" || op === "const");
