/**
 * Reverse-mode differentiation, graph to graph: every `grad(loss, wrt)` becomes ordinary values.
 *
 * For a loss L, walked from its end: the gradient ȳ = dL/dy of each value is the sum of what its users pass back, and the
 * primitive's rule passes it on to the operands. All gradients of one loss come from one walk, which visits only values that
 * depend on what is differentiated for. Afterwards `stop_gradient` has done its work and goes.
 */
import type { Builder } from "../ir/builder.ts";
import { type Module, roots, topological, type Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import { allAxes } from "../ops/types.ts";
import { mapRoots, rebuild, rewrite } from "./rewrite.ts";

export function differentiate(module: Module, b: Builder): Module {
  const expanded = expandGradients(module, b);
  return rewrite(expanded, b, (value, inputs) =>
    value.op === "stop_gradient" ? inputs[0] : rebuild(b, value, inputs),
  );
}

function expandGradients(module: Module, b: Builder): Module {
  const order = topological(module.programs.flatMap(roots));
  const wanted = new Map<Value, Value[]>();
  for (const { op, inputs } of order) {
    if (op !== "grad") continue;
    if (!wanted.has(inputs[0])) wanted.set(inputs[0], []);
    wanted.get(inputs[0])!.push(inputs[1]);
  }
  const rebuilt = new Map<Value, Value>();
  const gradients = new Map<Value, ReadonlyMap<Value, Value>>();
  for (const value of order) {
    const inputs = value.inputs.map((input) => rebuilt.get(input)!);
    b.span = value.span;
    if (value.op !== "grad") {
      rebuilt.set(value, rebuild(b, value, inputs));
      continue;
    }
    // A loss may itself hold gradients; here they are written out. What is not rebuilt yet, the loss does not depend on.
    const [loss, wrt] = inputs;
    const wrts = () => new Set(wanted.get(value.inputs[0])!.map((w) => rebuilt.get(w)));
    const known = gradients.get(value.inputs[0]) ?? backward(b, loss, wrts());
    gradients.set(value.inputs[0], known);
    b.span = value.span;
    rebuilt.set(value, known.get(wrt) ?? zeros(b, wrt));
  }
  return { ...module, programs: module.programs.map((program) => mapRoots(program, (value) => rebuilt.get(value)!)) };
}

/** dloss/dv for each value v that depends on one of `wrts` and that the loss depends on. */
function backward(b: Builder, loss: Value, wrts: ReadonlySet<Value | undefined>): ReadonlyMap<Value, Value> {
  const order = topological([loss]);
  const dependent = new Set<Value>();
  for (const value of order) {
    const depends = wrts.has(value) || value.inputs.some((input) => dependent.has(input));
    if (depends && value.type.dtype === "f32") dependent.add(value);
  }
  const gradients = new Map<Value, Value>();
  if (dependent.has(loss)) gradients.set(loss, b.const(1));
  for (const value of order.reverse()) {
    const dy = gradients.get(value);
    if (!dy || value.inputs.length === 0) continue;
    b.span = value.span;
    passBack(b, value, dy, (operand, gradient) => {
      if (!dependent.has(operand)) return;
      const others = gradients.get(operand);
      gradients.set(operand, others ? b.add(others, gradient) : gradient);
    });
  }
  return gradients;
}

/** Gives each operand what the primitive's rule says, in the operand's shape. */
function passBack(b: Builder, value: Value, dy: Value, give: (operand: Value, gradient: Value) => void): void {
  const { grad } = opNamed(value.op);
  if (!grad) throw new Error(`"${value.op}" has no gradient rule`);
  const gradients = grad(b, { value, inputs: value.inputs, attrs: value.attrs, dy });
  for (const [i, operand] of value.inputs.entries()) {
    const gradient = gradients[i];
    if (!gradient) continue;
    const rank = gradient.type.shape.length;
    give(operand, operand.type.shape.length === 0 && rank > 0 ? b.sum(gradient, allAxes(rank)) : gradient);
  }
}

function zeros(b: Builder, like: Value): Value {
  return b.broadcast(b.const(0), like.type.shape, []);
}
