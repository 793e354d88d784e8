/** The ways to compute a convolution that a model may ask for, and what each demands of it. */
import type { Attrs } from "../ir/graph.ts";
import { pairAttr } from "./window.ts";

/** `auto` leaves the choice to the compiler; winogradM makes M × M outputs at a time. */
export const CONV_ALGORITHMS = ["auto", "direct", "winograd2", "winograd4", "winograd6"] as const;
export type ConvAlgorithm = (typeof CONV_ALGORITHMS)[number];

/** Points at which polynomials are evaluated, infinity among them: more would round too coarsely for float32. */
export const MOST_POINTS = 8;

/** Outputs of a tile along each axis; null of an algorithm that has none. */
export function tileOf(algorithm: ConvAlgorithm): number | null {
  return algorithm.startsWith("winograd") ? Number(algorithm.slice("winograd".length)) : null;
}

/** Why a convolution cannot be computed so; null if it can. `kernel` and `output` are heights and widths. */
export function unsuited(
  algorithm: ConvAlgorithm,
  attrs: Attrs,
  kernel: readonly number[],
  output: readonly number[],
): string | null {
  const m = tileOf(algorithm);
  if (m === null) return null;
  if (attrs.groups !== 1) return "it has groups";
  if (pairAttr(attrs, "stride").some((s) => s !== 1)) return "its stride is not 1";
  if (pairAttr(attrs, "dilation").some((d) => d !== 1)) return "it is dilated";
  const [height, width] = kernel;
  if (height !== width || height < 2) return `its kernel is ${height} × ${width}`;
  if (m + height - 1 > MOST_POINTS)
    return `a kernel of ${height} needs ${m + height - 1} points, more than ${MOST_POINTS}`;
  if (output.some((size) => size < m)) return `its result of ${output.join(" × ")} is smaller than a tile`;
  return null;
}
