/** Sums: merged with other sums, freed of what does not vary, known without adding. */
import type { Builder } from "../ir/builder.ts";
import { type Dim, type Shape, sameShape, type Value } from "../ir/graph.ts";
import { allAxes, integersAttr, otherAxes, withoutAxes } from "../ops/types.ts";
import { unitAxes } from "./inline.ts";
import { constantOf, inShape, type Rule, type RuleContext, varyingAxes } from "./rule.ts";

const axesOf = (sum: Value): readonly number[] => integersAttr(sum.attrs, "axes");

/** The number of elements along these axes: a constant, n, or n times a constant. */
export function countOf(b: Builder, shape: Shape, axes: readonly number[]): Value {
  const dims = axes.map((axis) => shape[axis]);
  const fixed = dims.reduce<number>((product, dim: Dim) => (dim === "n" ? product : product * dim), 1);
  if (!dims.includes("n")) return b.const(fixed);
  return fixed === 1 ? b.host("n") : b.mul(b.host("n"), fixed);
}

/** A value that does not vary along `axes`, without them (or of rank 0); null if it varies. */
function withoutVarying(value: Value, axes: readonly number[], { b }: RuleContext): Value | null {
  if (value.type.shape.length === 0) return value;
  if (value.op !== "broadcast") return null;
  const varying = varyingAxes(value);
  if (varying.some(({ axis }) => axes.includes(axis))) return null;
  const [x] = value.inputs;
  const kept = otherAxes(value.type.shape.length, axes);
  const squeezed = b.reshape(
    x,
    varying.map(({ own }) => x.type.shape[own]),
  );
  return b.broadcast(
    squeezed,
    withoutAxes(value.type.shape, axes),
    varying.map(({ axis }) => kept.indexOf(axis)),
  );
}

/** A product's factors and divisors; the sign apart. */
interface Product {
  negative: boolean;
  readonly factors: Value[];
  readonly divisors: Value[];
}

/** Products of more factors than this are not taken apart. */
const MOST_FACTORS = 8;

function flatten(value: Value): Product {
  const product: Product = { negative: false, factors: [], divisors: [] };
  const open = [value];
  for (let next = open.pop(); next; next = open.pop()) {
    const room = open.length + product.factors.length + product.divisors.length < MOST_FACTORS;
    if (room && next.op === "neg") {
      product.negative = !product.negative;
      open.push(next.inputs[0]);
    } else if (room && next.op === "mul") open.push(next.inputs[1], next.inputs[0]);
    else if (room && next.op === "div") {
      product.divisors.push(next.inputs[1]);
      open.push(next.inputs[0]);
    } else product.factors.push(next);
  }
  return product;
}

/** Σ f · x → f · Σ x, for every factor (and divisor) f that does not vary along the summed axes. */
function takeOutFactors(value: Value, c: RuleContext): Value | null {
  const { b } = c;
  const [x] = value.inputs;
  if (x.op !== "mul" && x.op !== "div" && x.op !== "neg") return null;
  const axes = axesOf(value);
  const product = flatten(x);
  const split = (values: readonly Value[]) => {
    const pairs = values.map((v) => ({ v, outside: withoutVarying(v, axes, c) }));
    const inside = pairs.filter(({ outside }) => outside === null).map(({ v }) => v);
    // In the order in which they were built, so that equal products are one value.
    inside.sort((u, v) => u.id - v.id);
    return { inside, outside: pairs.flatMap(({ outside }) => (outside === null ? [] : [outside])) };
  };
  const factors = split(product.factors);
  const divisors = split(product.divisors);
  if (!product.negative && factors.outside.length + divisors.outside.length === 0) return null;
  const sum = b.sum(quotient(b, factors.inside, divisors.inside, x.type.shape), axes);
  const scale = quotient(b, factors.outside, divisors.outside, []);
  const result = constantOf(scale) === 1 ? sum : b.mul(sum, scale);
  return product.negative ? b.neg(result) : result;
}

/** Π factors / Π divisors; 1 in the given shape where there are no factors of that shape. */
function quotient(b: Builder, factors: readonly Value[], divisors: readonly Value[], shape: Shape): Value {
  const one = b.broadcast(b.const(1), shape, []);
  const product = (values: readonly Value[]) => values.reduce((left, right) => b.mul(left, right));
  const numerator = factors.length === 0 ? one : product(factors);
  return divisors.length === 0 ? numerator : b.div(numerator, product(divisors));
}

/** Σ broadcast(x) → count · Σ x, over the axes that the broadcast adds or stretches. */
function sumBroadcast(value: Value, { b }: RuleContext): Value | null {
  const [x] = value.inputs;
  if (x.op !== "broadcast") return null;
  const axes = axesOf(value);
  const varying = varyingAxes(x).filter(({ axis }) => axes.includes(axis));
  const free = axes.filter((axis) => !varying.some((v) => v.axis === axis));
  if (free.length === 0) return null;
  const inner = x.inputs[0];
  const summed = b.sum(
    inner,
    varying.map(({ own }) => own),
  );
  // What is left of the operand's axes: those that stay and vary, and axes of size 1 that were stretched.
  const staying = varyingAxes(x).filter(({ axis }) => !axes.includes(axis));
  const squeezed = b.reshape(
    summed,
    staying.map(({ own }) => inner.type.shape[own]),
  );
  const kept = otherAxes(x.type.shape.length, axes);
  const spread = b.broadcast(
    squeezed,
    value.type.shape,
    staying.map(({ axis }) => kept.indexOf(axis)),
  );
  return b.mul(spread, countOf(b, x.type.shape, free));
}

/** Σ over all axes, or over axes that a reshape only renumbers. */
function sumReshape(value: Value, { b }: RuleContext): Value | null {
  const [x] = value.inputs;
  if (x.op !== "reshape") return null;
  const [inner] = x.inputs;
  if (value.type.shape.length === 0) return b.sum(inner, allAxes(inner.type.shape.length));
  const moved = unitAxes(inner.type.shape, x.type.shape);
  if (!moved) return null;
  const axes = allAxes(moved.length).filter((axis) => axesOf(value).includes(moved[axis]));
  return b.reshape(b.sum(inner, axes), value.type.shape);
}

function sumUnpool(value: Value, { b }: RuleContext): Value | null {
  const [x] = value.inputs;
  const axes = axesOf(value);
  return x.op === "max_unpool2d" && [2, 3].every((axis) => axes.includes(axis)) ? b.sum(x.inputs[0], axes) : null;
}

function sumTranspose(value: Value, { b }: RuleContext): Value | null {
  const [x] = value.inputs;
  if (x.op !== "transpose") return null;
  const perm = integersAttr(x.attrs, "perm");
  const axes = axesOf(value).map((axis) => perm[axis]);
  const left = perm.filter((axis) => !axes.includes(axis));
  const sorted = [...left].sort((p, q) => p - q);
  return b.transpose(
    b.sum(x.inputs[0], axes),
    left.map((axis) => sorted.indexOf(axis)),
  );
}

function sumSum(value: Value, { b }: RuleContext): Value | null {
  const [x] = value.inputs;
  if (x.op !== "sum") return null;
  const inner = axesOf(x);
  const left = otherAxes(x.inputs[0].type.shape.length, inner);
  return b.sum(x.inputs[0], [...inner, ...axesOf(value).map((axis) => left[axis])]);
}

/** Whether x − m, with m the mean of x over `axes`: (Σ x) / count, spread back. */
export function isCentred(b: Builder, value: Value, axes: readonly number[]): boolean {
  if (value.op !== "sub") return false;
  const [x, m] = value.inputs;
  const mean = m.type.shape.length > 0 ? m.inputs[0] : m;
  if (m.type.shape.length > 0 && (m.op !== "broadcast" || varyingAxes(m).some(({ axis }) => axes.includes(axis)))) {
    return false;
  }
  if (mean.op !== "div" || mean.inputs[1] !== countOf(b, x.type.shape, axes)) return false;
  const sum = mean.inputs[0];
  return sum.op === "sum" && sum.inputs[0] === x && String(axesOf(sum)) === String(axes);
}

/** How far into an expression a known sum is looked for. */
const DEPTH = 8;

/** Σ value, where it needs no adding: in the shape of the sum, or of rank 0. */
function knownSum(value: Value, axes: readonly number[], c: RuleContext, depth = DEPTH): Value | null {
  const { b } = c;
  if (depth === 0) return null;
  const { op, inputs, type, attrs } = value;
  const last = type.shape.length - 1;
  const distribution =
    (op === "softmax" && axes.includes(attrs.axis as number)) ||
    (op === "one_hot" && axes.includes(last) && c.isLabel(inputs[0], attrs.classes as number));
  if (distribution) {
    const axis = op === "softmax" ? attrs.axis : last;
    return countOf(
      b,
      type.shape,
      axes.filter((a) => a !== axis),
    );
  }
  if (isCentred(b, value, axes)) return b.const(0);
  if (op === "add" || op === "sub") {
    const term = (x: Value) =>
      x.type.shape.length === 0 ? b.mul(x, countOf(b, type.shape, axes)) : knownSum(x, axes, c, depth - 1);
    return mapKnown(term(inputs[0]), (left) => mapKnown(term(inputs[1]), (right) => b.binary(op, left, right)));
  }
  if (op === "neg") return scaleKnown(knownSum(inputs[0], axes, c, depth - 1), b.neg);
  if (op === "mul" || op === "div") {
    const scale = withoutVarying(inputs[1], axes, c);
    return scale && scaleKnown(knownSum(inputs[0], axes, c, depth - 1), (sum) => b.binary(op, sum, scale));
  }
  const even = withoutVarying(value, axes, c);
  return even && b.mul(even, countOf(b, type.shape, axes));
}

function mapKnown(sum: Value | null, f: (sum: Value) => Value | null): Value | null {
  return sum && f(sum);
}

/** A multiple of a known sum; 0 stays 0, so that it is seen as such. */
function scaleKnown(sum: Value | null, f: (sum: Value) => Value): Value | null {
  return sum && (constantOf(sum) === 0 ? sum : f(sum));
}

/** Σ (x ± y) → Σ x where Σ y is known to be 0, and likewise for x. */
function dropCentred(value: Value, c: RuleContext): Value | null {
  const [x] = value.inputs;
  if (x.op !== "add" && x.op !== "sub") return null;
  const axes = axesOf(value);
  const [left, right] = x.inputs.map((v) => {
    const known = sameShape(v.type.shape, x.type.shape) ? knownSum(v, axes, c) : null;
    return known !== null && constantOf(known) === 0;
  });
  if (right) return inShape(c.b, c.b.sum(x.inputs[0], axes), value.type.shape);
  if (!left) return null;
  const rest = c.b.sum(x.inputs[1], axes);
  return x.op === "add" ? rest : c.b.neg(rest);
}

export const sumRules: readonly Rule[] = [
  {
    name: "sum-nothing",
    doc: "Σ over axes of size 1 → reshape",
    ops: ["sum"],
    rewrite(value, { b }) {
      const [x] = value.inputs;
      return axesOf(value).every((axis) => x.type.shape[axis] === 1) ? b.reshape(x, value.type.shape) : null;
    },
  },
  {
    name: "known-sum",
    doc: "Σ one_hot → 1, Σ softmax → 1, Σ (x − mean x) → 0, and sums and multiples of such",
    assumes: "labels are in range (the runtime checks them), logits are finite",
    ops: ["sum"],
    rewrite(value, c) {
      const sum = knownSum(value.inputs[0], axesOf(value), c);
      return sum && inShape(c.b, sum, value.type.shape);
    },
  },
  {
    name: "sum-centred",
    doc: "Σ (x + (y − mean y) · s) → Σ x",
    assumes: "y is finite",
    ops: ["sum"],
    rewrite: dropCentred,
  },
  {
    name: "sum-factor",
    doc: "Σ f · x → f · Σ x, Σ x / f → (Σ x) / f, Σ −x → −Σ x, where f does not vary along the summed axes",
    assumes: "the sum without the factor does not overflow",
    ops: ["sum"],
    rewrite: takeOutFactors,
  },
  {
    name: "sum-broadcast",
    doc: "Σ broadcast(x) → count · x",
    ops: ["sum"],
    rewrite: sumBroadcast,
  },
  {
    name: "sum-unpool",
    doc: "Σ max_unpool2d(dy) → Σ dy over rows and columns: each window's gradient goes to one pixel",
    ops: ["sum"],
    rewrite: sumUnpool,
  },
  { name: "sum-sum", doc: "Σ Σ x → Σ x", ops: ["sum"], rewrite: sumSum },
  { name: "sum-transpose", doc: "Σ transpose(x) → transpose(Σ x)", ops: ["sum"], rewrite: sumTranspose },
  {
    name: "sum-reshape",
    doc: "Σ reshape(x) → Σ x, over all axes or axes of size 1",
    ops: ["sum"],
    rewrite: sumReshape,
  },
];
