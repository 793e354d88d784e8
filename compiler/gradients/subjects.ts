/** What has a gradient to check: the model's loss, and each application of a definition of the user's as a graph of its own. */
import type { SyntaxTree } from "../1-parse/syntax.ts";
import type { Application } from "../2-elaborate/context.ts";
import type { Elaborated } from "../2-elaborate/elaborate.ts";
import { isTensor, show } from "../2-elaborate/values.ts";
import { rebuild } from "../3-passes/rewrite.ts";
import type { Span } from "../diagnostics.ts";
import type { Builder } from "../ir/builder.ts";
import { topological, type Value } from "../ir/graph.ts";
import { allAxes } from "../ops/types.ts";

/** A leaf with respect to which the gradient is checked. */
export interface Variable {
  readonly name: string;
  readonly leaf: Value;
  /** What the model gives there; null where the leaf is one of the model's own. */
  readonly operand: Value | null;
}

export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export interface Subject {
  readonly name: string;
  readonly sort: string;
  /** Where it is defined, and where it is applied. */
  readonly span: Span | null;
  readonly call: Span | null;
  /** Σ weight · result, of rank 0: its gradient holds that of every element of the result. */
  readonly objective: Value;
  /** The leaf of the weights; null where the result is a number already. */
  readonly weights: Value | null;
  readonly variables: readonly Variable[];
  /** All leaves that stand for operands, those without a gradient too. */
  readonly operands: readonly Variable[];
  readonly skipped: readonly Skipped[];
}

export interface Subjects {
  readonly checked: readonly Subject[];
  readonly skipped: readonly (Skipped & { readonly span: Span })[];
}

/** Each definition once for each shape and setting with which the model applies it. */
export function subjectsOf(model: Elaborated, tree: SyntaxTree): Subjects {
  const checked = new Map<string, Subject>();
  const skipped: (Skipped & { span: Span })[] = [];
  const seen = new Set<string>();
  for (const application of model.applications) {
    const { definition, operands, result } = application;
    const { name } = definition;
    seen.add(name.text);
    const settings = [...operands].map(([operand, value]) => `${operand} = ${show(value)}`);
    const key = `${name.text}(${settings.join(", ")}) = ${show(result)}`;
    if (checked.has(key)) continue;
    if (isTensor(result) && result.value.type.dtype === "f32") {
      checked.set(key, subjectOf(application, result.value, model.builder));
    } else if (!skipped.some((other) => other.name === name.text)) {
      skipped.push({
        name: name.text,
        reason: `its result is ${show(result)}, not a tensor of floats`,
        span: name.span,
      });
    }
  }
  for (const { sort, name } of definitionsOf(tree)) {
    if (!DIFFERENTIABLE.has(sort) || seen.has(name.text)) continue;
    skipped.push({ name: name.text, reason: "neither the net nor the loss applies it", span: name.span });
  }
  return { checked: [...checked.values(), lossOf(model)], skipped };
}

const DIFFERENTIABLE: ReadonlySet<string> = new Set(["fn", "layer", "loss"]);

const definitionsOf = ({ items }: SyntaxTree) => items.filter((item) => item.kind === "definition");

function lossOf({ module }: Elaborated): Subject {
  const loss = module.programs[0].results[0].value;
  const params = topological([loss]).filter(({ op }) => op === "param");
  const { variables, skipped } = sorted(
    loss,
    params.map((leaf) => ({ name: leaf.attrs.name as string, leaf, operand: null })),
  );
  return {
    name: "loss",
    sort: "model",
    span: loss.span,
    call: null,
    objective: loss,
    weights: null,
    variables,
    operands: [],
    skipped,
  };
}

/** The graph from the operands to the result, with leaves in place of the operands. */
function subjectOf({ definition, span, operands }: Application, result: Value, b: Builder): Subject {
  const floats = new Map<Value, Variable>();
  const integers: Skipped[] = [];
  for (const [name, given] of operands) {
    if (!isTensor(given) || given.value.op === "const" || given.value.op === "host") continue;
    const { type } = given.value;
    if (type.dtype !== "f32") integers.push({ name, reason: `it is ${type.dtype}, which has no gradient` });
    else if (!floats.has(given.value))
      floats.set(given.value, { name, leaf: leafFor(name, given.value, b), operand: given.value });
  }
  const cut = replaced(result, floats, b);
  const own = topological([cut]).filter(({ op }) => op === "param");
  const rank = cut.type.shape.length;
  const weights = rank === 0 ? null : b.op("input", [], { name: "@weights", dtype: "f32", shape: cut.type.shape });
  const { variables, skipped } = sorted(cut, [
    ...floats.values(),
    ...own.map((leaf) => ({ name: leaf.attrs.name as string, leaf, operand: null })),
  ]);
  return {
    name: definition.name.text,
    sort: definition.sort,
    span: definition.name.span,
    call: span,
    objective: weights ? b.sum(b.mul(cut, weights), allAxes(rank)) : cut,
    weights,
    variables,
    operands: [...floats.values()],
    skipped: [...integers, ...skipped],
  };
}

const leafFor = (name: string, { type }: Value, b: Builder): Value =>
  b.op("input", [], { name: `@${name}`, dtype: "f32", shape: type.shape });

function replaced(result: Value, leaves: ReadonlyMap<Value, Variable>, b: Builder): Value {
  const rebuilt = new Map<Value, Value>([...leaves].map(([operand, { leaf }]) => [operand, leaf]));
  for (const value of topological([result])) {
    if (rebuilt.has(value)) continue;
    b.span = value.span;
    const inputs = value.inputs.map((input) => rebuilt.get(input)!);
    rebuilt.set(value, rebuild(b, value, inputs));
  }
  b.span = null;
  return rebuilt.get(result)!;
}

/** What the result depends on, and what has no gradient by intention. */
function sorted(result: Value, all: readonly Variable[]): { variables: Variable[]; skipped: Skipped[] } {
  const reached = new Set(topological([result]));
  const open = reachedWithout(result, "stop_gradient");
  const reasonOf = ({ leaf }: Variable): string | null => {
    if (!reached.has(leaf)) return "the result does not depend on it";
    return open.has(leaf) ? null : "it stands behind stop_gradient";
  };
  const skipped = all.flatMap((variable) => {
    const reason = reasonOf(variable);
    return reason === null ? [] : [{ name: variable.name, reason }];
  });
  return { variables: all.filter((variable) => reasonOf(variable) === null), skipped };
}

function reachedWithout(result: Value, op: string): ReadonlySet<Value> {
  const reached = new Set<Value>();
  const stack = [result];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (reached.has(value) || value.op === op) continue;
    reached.add(value);
    stack.push(...value.inputs);
  }
  return reached;
}
