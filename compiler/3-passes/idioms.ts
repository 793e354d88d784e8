/** Formulas that are primitives under another name, or that have a form which does not overflow. */
import type { Builder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { integersAttr, otherAxes } from "../ops/types.ts";
import { bothOrders, constantOf, type Rule, varyingAxes } from "./rule.ts";

const isOne = (value: Value): boolean => constantOf(value) === 1;

/** For v = x, reduced along one axis and spread back over it: x and the axis. */
function reducedAndSpread(v: Value, op: "sum" | "max", rank: number): { operand: Value; axis: number } | null {
  const reduced = v.op === "broadcast" ? v.inputs[0] : v;
  if (reduced.op !== op) return null;
  const axes = integersAttr(reduced.attrs, "axes");
  if (axes.length !== 1 || reduced.type.shape.length !== rank - 1) return null;
  return isSpread(v, reduced, axes, rank) ? { operand: reduced.inputs[0], axis: axes[0] } : null;
}

/** Whether v is `reduced` (which has lost `axes`) spread back over them; a rank-0 value needs no spreading. */
function isSpread(v: Value, reduced: Value, axes: readonly number[], rank: number): boolean {
  if (v === reduced) return reduced.type.shape.length === 0;
  return String(integersAttr(v.attrs, "axes")) === String(otherAxes(rank, axes));
}

/** The operand of a broadcast, or the value itself. */
const spreadFrom = (v: Value): Value => (v.op === "broadcast" ? v.inputs[0] : v);

/** exp(x) / Σ exp(x) */
function softmaxAxis({ inputs: [e, total] }: Value): number | null {
  if (e.op !== "exp") return null;
  const sum = reducedAndSpread(total, "sum", e.type.shape.length);
  return sum?.operand === e ? sum.axis : null;
}

/** For v = log Σ exp(x) along one axis, not spread back: x and the axis. */
function logSumExp(v: Value): { x: Value; axis: number } | null {
  if (v.op !== "log" || v.inputs[0].op !== "sum" || v.inputs[0].inputs[0].op !== "exp") return null;
  const axes = integersAttr(v.inputs[0].attrs, "axes");
  return axes.length === 1 ? { x: v.inputs[0].inputs[0].inputs[0], axis: axes[0] } : null;
}

/** The axis, for v = log Σ exp(x) or m + log Σ exp(x − m), spread back over it. */
function logSumExpAxis(v: Value, x: Value): number | null {
  const rank = x.type.shape.length;
  const spread = (reduced: Value, axis: number) => (isSpread(v, reduced, [axis], rank) ? axis : null);
  const whole = spreadFrom(v);
  const plain = logSumExp(whole);
  if (plain?.x === x) return spread(whole, plain.axis);
  if (whole.op !== "add") return null;
  for (const [shift, rest] of bothOrders(whole)) {
    const shifted = logSumExp(rest);
    if (shifted?.x.op !== "sub" || shifted.x.inputs[0] !== x) continue;
    if (spreadFrom(shifted.x.inputs[1]) === shift) return spread(whole, shifted.axis);
  }
  return null;
}

/**
 * Whether a maximum is taken off somewhere in the sum x: the form that does not overflow, whatever other rules have made of it
 * (−y − max(−y) becomes −(y + max(−y))).
 */
function isShifted(x: Value): boolean {
  const [added, takenOff] = [new Set([x]), new Set<Value>()];
  // Sets grow while they are walked through, and hold what is shared once.
  for (let size = -1; size !== added.size + takenOff.size; ) {
    size = added.size + takenOff.size;
    for (const [same, opposite] of [
      [added, takenOff],
      [takenOff, added],
    ]) {
      for (const { op, inputs } of same) {
        const signs = SIGNS_IN_SUM[op] ?? [];
        for (const [i, sign] of signs.entries()) (sign < 0 ? opposite : same).add(inputs[i]);
      }
    }
  }
  return [...takenOff].some(({ op }) => op === "max");
}

/** How operands count in what is, in the end, a sum of terms. */
const SIGNS_IN_SUM: Readonly<Record<string, readonly number[]>> = {
  add: [1, 1],
  sub: [1, -1],
  neg: [-1],
  broadcast: [1],
  reshape: [1],
  transpose: [1],
  stop_gradient: [1],
};

/** x, for v = x − m with m the same along `axis`. */
function unshifted(v: Value, axis: number): Value | null {
  if (v.op !== "sub" && v.op !== "add") return null;
  const [x, shift] = v.inputs;
  if (shift.type.shape.length === 0) return x;
  const constant = shift.op === "broadcast" && varyingAxes(shift).every((varying) => varying.axis !== axis);
  return constant ? x : null;
}

/** max(x, 0) + log1p(exp(−|x|)) = log(1 + exp(x)) */
function softplus(b: Builder, x: Value): Value {
  return b.add(b.binary("maximum", x, 0), logOnePlusDecay(b, x));
}

/** min(x, 0) − log1p(exp(−|x|)) = log σ(x) */
function logSigmoid(b: Builder, x: Value): Value {
  return b.sub(b.binary("minimum", x, 0), logOnePlusDecay(b, x));
}

function logOnePlusDecay(b: Builder, x: Value): Value {
  return b.op("log1p", [b.exp(b.neg(b.op("abs", [x])))]);
}

/** exp's operand in log(exp(x) + 1) or log1p(exp(x)), where exp can overflow. */
function overflowing({ op, inputs: [inner] }: Value): Value | null {
  const e = op === "log1p" ? inner : inner.op === "add" && isOne(inner.inputs[1]) ? inner.inputs[0] : null;
  if (e?.op !== "exp") return null;
  const [x] = e.inputs;
  return x.op === "neg" && x.inputs[0].op === "abs" ? null : x;
}

export const idioms: readonly Rule[] = [
  {
    name: "softmax",
    doc: "exp(x) / Σ exp(x) → softmax(x)",
    ops: ["div"],
    rewrite(value, { b }) {
      const axis = softmaxAxis(value);
      return axis === null ? null : b.op("softmax", [value.inputs[0].inputs[0]], { axis });
    },
  },
  {
    name: "scaled-softmax",
    doc: "exp(x) · (c / Σ exp(x)) → softmax(x) · c",
    ops: ["mul"],
    rewrite({ inputs: [e, scale] }, { b }) {
      const quotient = spreadFrom(scale);
      if (e.op !== "exp" || quotient.op !== "div") return null;
      const [c, sum] = quotient.inputs;
      const { shape } = e.type;
      if (sum.op !== "sum" || sum.inputs[0] !== e || sum.type.shape.length !== shape.length - 1) return null;
      const axes = integersAttr(sum.attrs, "axes");
      if (!isSpread(scale, quotient, axes, shape.length)) return null;
      const softmax = b.op("softmax", e.inputs, { axis: axes[0] });
      return b.mul(softmax, c.type.shape.length === 0 ? c : b.broadcast(c, shape, otherAxes(shape.length, axes)));
    },
  },
  {
    name: "log-softmax",
    doc: "x − log Σ exp(x) → log_softmax(x), x − (m + log Σ exp(x − m)) → log_softmax(x)",
    ops: ["sub"],
    rewrite({ inputs: [x, y] }, { b }) {
      const axis = logSumExpAxis(y, x);
      if (axis !== null) return b.op("log_softmax", [x], { axis });
      const reversed = logSumExpAxis(x, y);
      return reversed === null ? null : b.neg(b.op("log_softmax", [y], { axis: reversed }));
    },
  },
  {
    name: "softmax-shift",
    doc: "softmax(x − m) → softmax(x), log_softmax(x − m) → log_softmax(x), where m is the same along the axis",
    assumes: "m is finite",
    ops: ["softmax", "log_softmax"],
    rewrite({ op, inputs: [v], attrs }, { b }) {
      const x = unshifted(v, attrs.axis as number);
      return x && b.op(op, [x], attrs);
    },
  },
  {
    name: "log-of-softmax",
    doc: "log(softmax(x)) → log_softmax(x)",
    ops: ["log"],
    rewrite: ({ inputs: [x] }, { b }) => (x.op === "softmax" ? b.op("log_softmax", x.inputs, x.attrs) : null),
  },
  {
    name: "exp-of-log-softmax",
    doc: "exp(log_softmax(x)) → softmax(x)",
    ops: ["exp"],
    rewrite: ({ inputs: [x] }, { b }) => (x.op === "log_softmax" ? b.op("softmax", x.inputs, x.attrs) : null),
  },
  {
    name: "log-sum-exp",
    doc: "log Σ exp(x) → m + log Σ exp(x − m), m = max x (a constant of differentiation), which does not overflow",
    assumes: "m is finite",
    ops: ["log"],
    rewrite(value, { b }) {
      const found = logSumExp(value);
      if (!found || isShifted(found.x)) return null;
      const { x, axis } = found;
      const m = b.op("stop_gradient", [b.op("max", [x], { axes: [axis] })]);
      const spread = b.broadcast(m, x.type.shape, otherAxes(x.type.shape.length, [axis]));
      return b.add(m, b.log(b.sum(b.exp(b.sub(x, spread)), [axis])));
    },
  },
  {
    name: "softplus",
    doc: "log(1 + exp(x)) → max(x, 0) + log1p(exp(−|x|)), which does not overflow",
    ops: ["log", "log1p"],
    rewrite(value, { b }) {
      const x = overflowing(value);
      return x && softplus(b, x);
    },
  },
  {
    name: "sigmoid",
    doc: "1 / (1 + exp(−x)) → sigmoid(x), exp(x) / (1 + exp(x)) → sigmoid(x)",
    ops: ["div"],
    rewrite({ inputs: [numerator, sum] }, { b }) {
      if (sum.op !== "add" || !isOne(sum.inputs[1]) || sum.inputs[0].op !== "exp") return null;
      const [x] = sum.inputs[0].inputs;
      if (numerator === sum.inputs[0]) return b.op("sigmoid", [x]);
      return isOne(numerator) && x.op === "neg" ? b.op("sigmoid", [x.inputs[0]]) : null;
    },
  },
  {
    name: "tanh",
    doc: "(exp(x) − exp(−x)) / (exp(x) + exp(−x)) → tanh(x)",
    ops: ["div"],
    rewrite({ inputs: [difference, sum] }, { b }) {
      if (difference.op !== "sub" || sum.op !== "add") return null;
      const [rising, falling] = difference.inputs;
      if (rising.op !== "exp" || falling !== b.exp(b.neg(rising.inputs[0]))) return null;
      return bothOrders(sum).some(([u, v]) => u === rising && v === falling) ? b.op("tanh", rising.inputs) : null;
    },
  },
  {
    name: "log-sigmoid",
    doc: "log(sigmoid(x)) → min(x, 0) − log1p(exp(−|x|)), log(1 − sigmoid(x)) → the same of −x: neither underflows",
    ops: ["log"],
    rewrite({ inputs: [p] }, { b }) {
      if (p.op === "sigmoid") return logSigmoid(b, p.inputs[0]);
      if (p.op !== "sub" || !isOne(p.inputs[0]) || p.inputs[1].op !== "sigmoid") return null;
      return logSigmoid(b, b.neg(p.inputs[1].inputs[0]));
    },
  },
];
