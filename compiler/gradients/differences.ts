/** Finite differences of a graph of rank 0, in float64. */
import { topological, type Value } from "../ir/graph.ts";
import { compute, type InterpretEnv } from "../ir/interpret.ts";
import type { Tensor } from "../ops/op.ts";

/**
 * The graph at a point; what changes with one leaf is computed anew. What stands behind `stop_gradient` changes too, unless it
 * is `held`: then the differences are those of the graph as it is differentiated.
 */
export class Surface {
  readonly value: number;
  private readonly order: readonly Value[];
  private readonly tensors = new Map<Value, Tensor>();
  private readonly dependents = new Map<Value, readonly Value[]>();

  constructor(
    private readonly objective: Value,
    private readonly env: InterpretEnv,
    private readonly held: boolean,
  ) {
    this.order = topological([objective]);
    for (const value of this.order) this.tensors.set(value, compute(value, this.tensors, env));
    this.value = this.tensors.get(objective)!.data[0];
  }

  contents(leaf: Value): Tensor {
    return this.tensors.get(leaf)!;
  }

  /** The value where one element of a leaf is changed by so much. */
  moved(leaf: Value, element: number, by: number): number {
    const { shape, data } = this.contents(leaf);
    const changed = Float64Array.from(data);
    changed[element] += by;
    const tensors = new Map(this.tensors).set(leaf, { shape, data: changed });
    for (const value of this.dependentsOf(leaf)) tensors.set(value, compute(value, tensors, this.env));
    return tensors.get(this.objective)!.data[0];
  }

  private dependentsOf(leaf: Value): readonly Value[] {
    const known = this.dependents.get(leaf);
    if (known) return known;
    const found = new Set([leaf]);
    for (const value of this.order) {
      if (this.held && value.op === "stop_gradient") continue;
      if (value.inputs.some((input) => found.has(input))) found.add(value);
    }
    found.delete(leaf);
    this.dependents.set(leaf, [...found]);
    return [...found];
  }
}

export interface Comparison {
  readonly verdict: "agrees" | "differs" | "kink";
  readonly difference: number;
  readonly gradient: number;
}

const STEPS = [1e-4, 1e-5, 1e-6];
const TOLERANCE = 1e-5;
/** One-sided differences that are further apart have a kink, or a jump, between them. */
const KINK = 1e-3;
/** Rounding errors of the value, relative to it: many operations of 2⁻⁵³ each. */
const ROUNDING = 1e-13;

/**
 * (f(x + h) − f(x − h)) / 2h against the gradient g. They agree if they are no further apart than the tolerance and the gap
 * between the one-sided differences, which is h·|f″| where f is smooth; smaller steps are tried until they do.
 */
export function compareElement(surface: Surface, leaf: Value, element: number, gradient: number): Comparison {
  const size = Math.max(1, Math.abs(surface.contents(leaf).data[element]));
  let result: Comparison = { verdict: "kink", difference: Number.NaN, gradient };
  for (const step of STEPS) {
    const h = step * size;
    const right = (surface.moved(leaf, element, h) - surface.value) / h;
    const left = (surface.value - surface.moved(leaf, element, -h)) / h;
    const difference = (right + left) / 2;
    const gap = Math.abs(right - left);
    const noise = (ROUNDING * (1 + Math.abs(surface.value))) / h;
    if (!(gap <= KINK * Math.max(Math.abs(right), Math.abs(left)) + 4 * noise)) continue;
    const allowed = TOLERANCE * Math.max(Math.abs(difference), Math.abs(gradient)) + 4 * noise + gap;
    const verdict = Math.abs(difference - gradient) <= allowed ? "agrees" : "differs";
    result = { verdict, difference, gradient };
    if (verdict === "agrees") break;
  }
  return result;
}
