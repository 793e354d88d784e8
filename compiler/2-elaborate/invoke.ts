/** Runs what is called: a definition's body, a builtin, a block, a repeat. */
import type { Definition, Name } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { overflows } from "./arithmetic.ts";
import { unifyAxes } from "./axes.ts";
import { bodyOf, runBody } from "./body.ts";
import { mean, sum } from "./builtins/reduce.ts";
import type { Binding } from "./calls.ts";
import type { Env, TrailStep } from "./context.ts";
import { evaluate, operation, tooLarge } from "./evaluate.ts";
import { ChosenInits } from "./inits.ts";
import type { ParamPath } from "./parameters.ts";
import { Scope } from "./scope.ts";
import { Sharing } from "./sharing.ts";
import { signatureNote, takesReduction, takesRequiresGrad } from "./signatures.ts";
import {
  type Callable,
  type CValue,
  type DefinitionTarget,
  isPoison,
  isTensor,
  nameOf,
  POISON,
  show,
  type Target,
  tensor,
} from "./values.ts";

export function invoke(callee: Callable, binding: Binding, env: Env, label: Name | null, span: Span): CValue {
  const { target } = callee;
  const { ctx } = env;
  if (target.kind === "builtin") return invokeBuiltin(callee, target, binding, env, span);
  const shared = callee.sharing?.application();
  if (target.kind === "block") {
    const path = shared !== undefined ? shared : label ? labelledPath(label, env) : (env.path?.opaque() ?? null);
    return target.repeat
      ? repeated(target, binding.input!, env, path)
      : runBlock(target, target.scope, binding.input!, env, path);
  }
  const path = shared !== undefined ? shared : pathOf(target.definition, label, env);
  if (takesRequiresGrad(target.definition) && binding.given.get("requires_grad") === false) path?.freeze();
  const result = ctx.call(callee, span, () => runDefinition(target, binding, env, path, span));
  if (ctx.isUser(target.definition.span.file)) {
    const { given, input } = binding;
    const operands = input === null ? given : new Map([["in", input], ...given]);
    ctx.applications.push({ definition: target.definition, span, operands, result });
  } else if (target.definition.sort === "loss") {
    const pred = binding.given.get("pred");
    if (pred && isTensor(pred)) ctx.losses.push({ loss: nameOf(callee), pred: pred.value, span: ctx.userSpan(span) });
  }
  return result;
}

/** The path of a labelled step; two steps with parameters cannot share a label. */
function labelledPath(label: Name, env: Env): ParamPath | null {
  if (env.path?.isTaken(label.text)) {
    throw env.ctx.failure(errors.duplicateName({ kind: "label", name: label.text }, label.span));
  }
  return env.path?.labelled(label.text) ?? null;
}

function invokeBuiltin(
  callee: Callable,
  target: Extract<Target, { kind: "builtin" }>,
  { given }: Binding,
  env: Env,
  span: Span,
): CValue {
  const { builtin } = target;
  const args: Record<string, CValue> = {};
  for (const param of builtin.params) args[param.name] = given.get(param.name) ?? param.default!;
  const { ctx } = env;
  const wrong = (name: string, expected: string): never => {
    const params = { callee: nameOf(callee), name, expected, found: show(args[name]) };
    const notes = ctx.isUser(span.file) ? signatureNote(callee) : [];
    throw ctx.failure(errors.wrongArgument(params, span, { notes }));
  };
  const result = operation(span, env, () => builtin.run({ b: ctx.b, nextSite: () => ctx.nextSite(), wrong }, args));
  const operands = Object.values(args);
  if (overflows(result, operands)) {
    throw ctx.failure(tooLarge(`${nameOf(callee)}(${operands.map(show).join(", ")})`, span));
  }
  return result;
}

function runDefinition(
  target: Extract<Target, { kind: "definition" }>,
  { given, input }: Binding,
  env: Env,
  path: ParamPath | null,
  span: Span,
): CValue {
  const { definition, spaces } = target;
  const { sort, body } = definition;
  const { ctx } = env;
  const scope = bindParameters(target, given, input, env, span);
  // An initialiser knows what it initialises.
  if (sort === "init") for (const name of INIT_NAMES) copy(name, env.scope, scope);
  const inits = initsOf(target, given, env, span);
  const inner: Env = {
    ctx,
    scope: new Scope(scope),
    spaces,
    prefer: spaces.preferred(sort),
    path,
    ...(inits && { inits }),
    initialises: sort === "init",
  };
  const kind = sort === "layer" ? "layer" : "function";
  const place = `the ${sort} \`${definition.name.text}\``;
  const value = runBody(body, inner, bodyOf(kind, place, input), definition.span);
  if (sort === "layer") inits?.finish(env);
  const reduces =
    sort === "metric" ? isTensor(value) && value.value.type.shape.includes("n") : takesReduction(definition);
  return reduces ? reduced(value, given.get("reduction") ?? "mean", env, span) : value;
}

/** A function's parameters are those of the layer that calls it. */
function initsOf(
  target: DefinitionTarget,
  given: ReadonlyMap<string, CValue>,
  env: Env,
  span: Span,
): ChosenInits | undefined {
  const { sort, params } = target.definition;
  if (sort === "fn") return env.inits;
  const names = params.map(({ name }) => name.text);
  return sort === "layer" ? new ChosenInits({ kind: "callable", target, given }, names, span) : undefined;
}

export const INIT_NAMES = ["shape", "fan_in", "fan_out"] as const;

function copy(name: string, from: Scope, to: Scope): void {
  const value = from.get(name);
  if (value !== undefined) to.set(name, value);
}

function pathOf({ sort, name }: Definition, label: Name | null, env: Env): ParamPath | null {
  if (label) return labelledPath(label, env);
  if (sort === "layer") return env.path?.unlabelled(name.text) ?? null;
  return sort === "fn" ? (env.path?.opaque() ?? null) : null;
}

/** Arguments, defaults and names of axes; a default may use the parameters before it. */
export function bindParameters(
  { definition, spaces }: DefinitionTarget,
  given: ReadonlyMap<string, CValue>,
  input: CValue | null,
  env: Env,
  span: Span,
): Scope {
  const { params, sort } = definition;
  const scope = new Scope(sort === "schedule" || sort === "optimizer" ? spaces.host : spaces.values);
  scope.set("training", env.ctx.training);
  if (input !== null) scope.set("in", input);
  for (const { name, types, default: value } of params) {
    if (name.text === "in") continue;
    const known = given.get(name.text);
    // A default that is one of the parameter's words is that word.
    const word = value?.kind === "name" && types.some((t) => t.text === value.name) ? value.name : null;
    const wanted = types.some((t) => t.text === "init") ? "init" : sort;
    const inner: Env = { ctx: env.ctx, scope, spaces, prefer: spaces.preferred(wanted), path: null };
    scope.set(name.text, known ?? word ?? evaluate(value!, inner));
  }
  unifyAxes(definition, input, scope, { ...env, spaces, prefer: spaces.preferred(sort) }, span);
  return scope;
}

/** The reduction that every loss takes: the mean divides by the number of elements, as PyTorch's does. */
function reduced(value: CValue, reduction: CValue, env: Env, span: Span): CValue {
  if (!isTensor(value) || reduction === "none") return value;
  const { b } = env.ctx;
  return operation(span, env, () => tensor((reduction === "sum" ? sum : mean)(b, value.value, null, false)));
}

type Block = Extract<Target, { kind: "block" }>;

function runBlock(target: Block, outer: Scope, input: CValue, env: Env, path: ParamPath | null): CValue {
  const scope = new Scope(outer);
  scope.set("in", input);
  const inner: Env = { ctx: env.ctx, scope: new Scope(scope), spaces: target.spaces, prefer: null, path };
  return runBody(target.body, inner, bodyOf("layer", "a block", input), target.span);
}

/**
 * The instances of a repeat are numbered, from the first free number: two repeats without labels count on. The layer of a
 * body that is one layer without a label takes the number as its own name. A shared repeat has one instance.
 */
function repeated(target: Block, input: CValue, env: Env, path: ParamPath | null): CValue {
  const { count, variable, shared } = target.repeat!;
  const trail: TrailStep[] = [];
  let value = input;
  let first = 0;
  while (path?.isTaken(String(first))) first++;
  const sharing = shared ? new Sharing("repeat", path?.labelled(String(first)) ?? null) : null;
  for (let i = 0; i < count && !isPoison(value); i++) {
    env.ctx.charge(1, target.span);
    const scope = new Scope(target.scope);
    if (variable !== null) scope.set(variable, i);
    const instance = sharing ? sharing.application() : (path?.labelled(String(first + i)) ?? null);
    const single = isSingleLayer(target) ? (instance?.transparent() ?? null) : instance;
    const input = value;
    value = env.ctx.along(trail, () => runBlock(target, scope, input, env, single));
    trail.push({ label: `time ${i + 1} of the repeat`, value, span: target.span });
  }
  return value ?? POISON;
}

function isSingleLayer({ body }: Block): boolean {
  const [only] = body;
  if (body.length !== 1 || only.kind !== "step" || only.steps.length !== 1) return false;
  const [{ label, expr }] = only.steps;
  return label === null && (expr.kind === "call" || expr.kind === "name");
}
