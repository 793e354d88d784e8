/** Views: composed, and moved to where fewer elements are computed. */
import { sameShape, sameType, type Value } from "../ir/graph.ts";
import { allAxes, integersAttr } from "../ops/types.ts";
import { unitAxes } from "./inline.ts";
import { elementwiseOps, type Rule, type RuleContext, splatOf, varyingAxes } from "./rule.ts";

const views = ["broadcast", "reshape", "transpose", "reverse", "slice", "pad"];

function isIdentity({ op, inputs: [x], attrs, type }: Value): boolean {
  if (!sameType(x.type, type)) return false;
  if (op === "transpose") return integersAttr(attrs, "perm").every((axis, i) => axis === i);
  if (op === "reverse") return integersAttr(attrs, "axes").every((axis) => type.shape[axis] === 1);
  return true;
}

/** f(s, …) for elementwise f with every full operand a splat s; or s in place of its splat where another operand is full. */
function splatOperands(value: Value, { b }: RuleContext): Value | null {
  const { op, inputs, attrs, type } = value;
  if (!inputs.some((input) => splatOf(input))) return null;
  const splats = inputs.map(splatOf);
  const scalars = inputs.map((input, i) => splats[i] ?? input);
  const result = b.op(op, scalars, attrs);
  return result.type.shape.length === 0 ? b.broadcast(result, type.shape, []) : result;
}

/** f(broadcast(x), broadcast(y), scalar) → broadcast(f(x, y, scalar)), for broadcasts of one kind. */
function broadcastOutward({ op, inputs, attrs, type }: Value, { b }: RuleContext): Value | null {
  const first = inputs.find((input) => input.op === "broadcast");
  if (!first) return null;
  if (!inputs.every((input) => input.type.shape.length === 0 || sameBroadcast(input, first))) return null;
  const inner = inputs.map((input) => (input.type.shape.length > 0 ? input.inputs[0] : input));
  return b.broadcast(b.op(op, inner, attrs), type.shape, integersAttr(first.attrs, "axes"));
}

export function sameBroadcast(x: Value, y: Value): boolean {
  if (x.op !== "broadcast" || y.op !== "broadcast") return false;
  const axes = integersAttr(y.attrs, "axes");
  return (
    sameShape(x.inputs[0].type.shape, y.inputs[0].type.shape) &&
    integersAttr(x.attrs, "axes").every((axis, i) => axis === axes[i])
  );
}

/** broadcast(reshape(x)) → broadcast(x), for a reshape that adds axes of size 1. */
function broadcastReshape({ inputs: [y], attrs, type }: Value, { b }: RuleContext): Value | null {
  if (y.op !== "reshape") return null;
  const [x] = y.inputs;
  const added = unitAxes(x.type.shape, y.type.shape);
  if (!added || added.includes(-1)) return null;
  const axes = integersAttr(attrs, "axes");
  return b.op("broadcast", [x], { shape: type.shape, axes: added.map((axis) => axes[axis]) });
}

/**
 * c ? reverse(f(x, k)) : f(x, k) → f(c ? reverse(x) : x, k), for k that a reversal leaves as it is, so that f is computed once. If
 * f is a choice of the host's, it has two such x, of which one is computed.
 */
function reverseInward({ inputs: [cond, x, y] }: Value, c: RuleContext): Value | null {
  const { b } = c;
  const reversed = [x, y].find((side) => side.op === "reverse");
  const plain = reversed === x ? y : x;
  if (reversed?.inputs[0] !== plain || !elementwiseOps.includes(plain.op)) return null;
  const axes = integersAttr(reversed.attrs, "axes");
  const differs = (operand: Value) =>
    operand.op === "broadcast" ? varyingAxes(operand).some(({ axis }) => axes.includes(axis)) : hasAxes(operand);
  const differing = plain.inputs.filter(differs);
  const most = plain.op === "where" && c.isHost(plain.inputs[0]) ? 2 : 1;
  if (differing.length > most || differing.some(({ type }) => type.dtype !== "f32")) return null;
  const either = (operand: Value) => {
    const other = b.op("reverse", [operand], reversed.attrs);
    return reversed === x ? b.where(cond, other, operand) : b.where(cond, operand, other);
  };
  return b.op(
    plain.op,
    plain.inputs.map((operand) => (differs(operand) ? either(operand) : operand)),
    plain.attrs,
  );
}

const hasAxes = (value: Value): boolean => value.type.shape.length > 0;

function swapOfLastTwo(rank: number): number[] {
  return [...allAxes(rank).slice(0, -2), rank - 1, rank - 2];
}

export const viewRules: readonly Rule[] = [
  {
    name: "view-identity",
    doc: "a view that changes nothing → its operand",
    ops: views,
    anyType: true,
    rewrite: (value) => (isIdentity(value) ? value.inputs[0] : null),
  },
  {
    name: "view-splat",
    doc: "a view of equal elements → equal elements",
    ops: ["broadcast", "reshape", "transpose", "reverse", "slice"],
    anyType: true,
    rewrite({ inputs: [x], type }, { b }) {
      const splat = splatOf(x);
      return splat && b.broadcast(splat, type.shape, []);
    },
  },
  {
    name: "reshape-reshape",
    doc: "reshape(reshape(x)) → reshape(x)",
    ops: ["reshape"],
    anyType: true,
    rewrite: ({ inputs: [x], type }, { b }) => (x.op === "reshape" ? b.reshape(x.inputs[0], type.shape) : null),
  },
  {
    name: "transpose-transpose",
    doc: "transpose(transpose(x, p), q) → transpose(x, p∘q)",
    ops: ["transpose"],
    anyType: true,
    rewrite({ inputs: [x], attrs }, { b }) {
      if (x.op !== "transpose") return null;
      const inner = integersAttr(x.attrs, "perm");
      return b.transpose(
        x.inputs[0],
        integersAttr(attrs, "perm").map((axis) => inner[axis]),
      );
    },
  },
  {
    name: "broadcast-broadcast",
    doc: "broadcast(broadcast(x)) → broadcast(x)",
    ops: ["broadcast"],
    anyType: true,
    rewrite({ inputs: [x], attrs, type }, { b }) {
      if (x.op !== "broadcast") return null;
      const outer = integersAttr(attrs, "axes");
      const axes = integersAttr(x.attrs, "axes").map((axis) => outer[axis]);
      return b.op("broadcast", [x.inputs[0]], { shape: type.shape, axes });
    },
  },
  {
    name: "broadcast-reshape",
    doc: "broadcast(reshape(x)) → broadcast(x) where the reshape adds axes of size 1",
    ops: ["broadcast"],
    anyType: true,
    rewrite: broadcastReshape,
  },
  {
    name: "reverse-reverse",
    doc: "reverse(reverse(x)) → x",
    ops: ["reverse"],
    anyType: true,
    rewrite: ({ inputs: [x], attrs }) =>
      x.op === "reverse" && String(x.attrs.axes) === String(attrs.axes) ? x.inputs[0] : null,
  },
  {
    name: "reverse-inward",
    doc: "where(c, reverse(f(x, k)), f(x, k)) → f(where(c, reverse(x), x), k), for elementwise f and k that has no such order",
    ops: ["where"],
    rewrite: reverseInward,
  },
  {
    name: "transpose-matmul",
    doc: "(x y)ᵀ → yᵀ xᵀ",
    ops: ["transpose"],
    rewrite({ inputs: [product], attrs }, { b }) {
      const perm = swapOfLastTwo(product.type.shape.length);
      if (product.op !== "matmul" || String(attrs.perm) !== String(perm)) return null;
      const [x, y] = product.inputs;
      if (x.type.shape.length !== y.type.shape.length) return null;
      return b.matmul(b.transpose(y, perm), b.transpose(x, perm));
    },
  },
  {
    name: "transpose-contract-rows",
    doc: "(Σₘ x[m, i] y[m, j])ᵀ → Σₘ y[m, j] x[m, i]",
    ops: ["transpose"],
    rewrite({ inputs: [sums], attrs }, { b }) {
      const perm = swapOfLastTwo(sums.type.shape.length);
      if (sums.op !== "contract_rows" || String(attrs.perm) !== String(perm)) return null;
      const [x, y] = sums.inputs;
      return b.op("contract_rows", [y, x], sums.attrs);
    },
  },
  {
    name: "concat-one",
    doc: "concat(x) → x",
    ops: ["concat"],
    anyType: true,
    rewrite: ({ inputs }) => (inputs.length === 1 ? inputs[0] : null),
  },
  {
    name: "splat-operand",
    doc: "f(x, splat(s)) → f(x, s), f(splat(s)) → splat(f(s)), for elementwise f",
    ops: elementwiseOps,
    anyType: true,
    rewrite: splatOperands,
  },
  {
    name: "broadcast-outward",
    doc: "f(broadcast(x), broadcast(y), s) → broadcast(f(x, y, s)), for elementwise f and broadcasts of one kind",
    ops: elementwiseOps,
    anyType: true,
    rewrite: broadcastOutward,
  },
];
