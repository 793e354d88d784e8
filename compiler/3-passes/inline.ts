/** Which operations can be computed inside another kernel, where their result is read, and what that costs. */
import type { Dim, Shape, Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";

/** Views whose element index follows from the result's by a linear map. The others copy (they are kernels). */
const INDEX_MAPS = new Set(["broadcast", "transpose", "reverse", "slice"]);

const COSTS: Readonly<Record<string, number>> = {
  div: 3,
  sqrt: 3,
  exp: 12,
  expm1: 16,
  log: 12,
  log1p: 16,
  tanh: 16,
  sigmoid: 16,
  erf: 20,
  sin: 16,
  cos: 16,
  pow: 24,
  random_uniform: 40,
};

export function isLeaf(value: Value): boolean {
  return opNamed(value.op).category === "leaf";
}

export function isInlinable(value: Value): boolean {
  const category = opNamed(value.op).category;
  if (category === "elementwise" || category === "index") return true;
  if (category !== "view") return false;
  return (
    INDEX_MAPS.has(value.op) ||
    (value.op === "reshape" && splitAxes(value.inputs[0].type.shape, value.type.shape) !== null)
  );
}

/** Roughly, multiplications an element. */
export function costOf(value: Value): number {
  if (opNamed(value.op).category === "leaf" || opNamed(value.op).category === "view") return 0;
  return COSTS[value.op] ?? 1;
}

/**
 * For a reshape that only splits axes, or adds and removes those of size 1: the result's axes that each operand axis becomes,
 * outermost first. Null if it merges some: which element it reads is no linear function of the index then.
 */
export function splitAxes(from: Shape, to: Shape): number[][] | null {
  const axes: number[][] = [];
  let next = 0;
  const isLeft = (dim: Dim) => next < to.length && to[next] === dim;
  for (const dim of from) {
    const own: number[] = [];
    while (dim !== 1 && isLeft(1)) next++;
    if (dim === "n") {
      if (!isLeft("n")) return null;
      own.push(next++);
    } else {
      for (let size = 1; size < dim; next++) {
        const part = to[next];
        if (part === undefined || part === "n" || dim % (size * part) !== 0) return null;
        if (part !== 1) own.push(next);
        size *= part;
      }
    }
    axes.push(own);
  }
  return to.slice(next).every((dim) => dim === 1) ? axes : null;
}

/**
 * For a reshape that only adds or removes axes of size 1: the result's axis for each operand axis (−1 where it went).
 * Null if it does more.
 */
export function unitAxes(from: Shape, to: Shape): number[] | null {
  const axes: number[] = [];
  let next = 0;
  const skip = (dim: Dim) => {
    while (next < to.length && to[next] === 1 && dim !== 1) next++;
  };
  for (const dim of from) {
    skip(dim);
    if (next < to.length && to[next] === dim) axes.push(next++);
    else if (dim === 1) axes.push(-1);
    else return null;
  }
  return to.slice(next).every((dim) => dim === 1) ? axes : null;
}

/** Whether pooling windows tile the input: each element lies in exactly one. */
export function isExactWindow(unpool: Value): boolean {
  const [kernel, stride, padding] = [unpool.attrs.kernel, unpool.attrs.stride, unpool.attrs.padding] as number[][];
  const size = unpool.type.shape.slice(2) as number[];
  const windows = unpool.inputs[0].type.shape.slice(2) as number[];
  return (
    padding.every((p) => p === 0) && [0, 1].every((a) => kernel[a] === stride[a] && windows[a] * kernel[a] === size[a])
  );
}
