/**
 * Which optimizer changes which parameter: the first group of the clause that matches its name, else the clause's own optimizer.
 */
import type { Argument, Expr, Name, ParamGroup, UseClause } from "../1-parse/syntax.ts";
import type { Diagnostic, Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { TensorDecl } from "../ir/graph.ts";
import { bind, calleeOf } from "./calls.ts";
import { type Diagnostics, didYouMean, type Env, lookup, meantElsewhere, withScope } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { guarded } from "./failure.ts";
import { bindParameters } from "./invoke.ts";
import { Scope } from "./scope.ts";
import { type DefinitionTarget, isPoison, isTensor, nameOf, show, tensor } from "./values.ts";

/** An optimizer with its arguments, and the place that asks for it. */
export interface BoundOptimizer {
  readonly target: DefinitionTarget;
  readonly args: Scope;
  readonly span: Span;
}

/** What the library's optimizers call their learning rate. */
const RATE = "lr";
const SUGGESTED = 10;

/** `frozen`: not trained. null: an error was reported. */
export type Treatment = BoundOptimizer | "frozen" | null;

export interface ParamGroups {
  /** The optimizer of the parameters in no group. */
  readonly rest: BoundOptimizer | null;
  of(param: TensorDecl): Treatment;
}

/** `*` stands for any characters, `?` for one. Linear in the name for each `*`, whatever the pattern. */
export function matches(pattern: string, name: string): boolean {
  let [at, from] = [0, 0];
  let [star, retry] = [-1, 0];
  while (from < name.length) {
    if (pattern[at] === "*") [star, retry] = [at++, from];
    else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === name[from]))
      [at, from] = [at + 1, from + 1];
    else if (star >= 0) [at, from] = [star + 1, ++retry];
    else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

export function paramGroups(clause: UseClause, params: readonly TensorDecl[], env: Env): ParamGroups {
  const { diagnostics } = env.ctx;
  // Where the net has errors, its parameters are not all known.
  if (!diagnostics.failed) checkPatterns(clause.groups, params, diagnostics);
  const rest = boundOptimizer(clause.expr, [], env);
  const groups = clause.groups.map((group) => {
    const treatment = guarded(diagnostics, () => treatmentOf(group, clause.expr, env)) ?? null;
    return { group, treatment, members: membersOf(group, params, env) };
  });
  const chosen = new Map<TensorDecl, Treatment>();
  for (const { group, treatment, members } of groups) {
    const free = members.filter((decl) => !chosen.has(decl));
    for (const decl of free) chosen.set(decl, treatment);
    if (free.length === 0 && !diagnostics.failed) diagnostics.add(errors.emptyGroup({}, group.span));
  }
  if (!diagnostics.failed) for (const warning of idleOptimizer(clause, params, chosen, rest)) diagnostics.add(warning);
  return { rest, of: (param) => (param.frozen ? "frozen" : chosen.has(param) ? chosen.get(param)! : rest) };
}

/** The clause's own optimizer, or its learning rate, where every parameter has another one by its group. */
function idleOptimizer(
  { expr, groups }: UseClause,
  params: readonly TensorDecl[],
  chosen: ReadonlyMap<TensorDecl, Treatment>,
  own: BoundOptimizer | null,
): Diagnostic[] {
  if (groups.length === 0 || !params.every((decl) => decl.frozen || chosen.has(decl))) return [];
  const changes = groups.flatMap(({ rule }) => (rule.kind === "settings" ? [rule.settings] : []));
  if (changes.length === 0) {
    if (!groups.some(({ rule }) => rule.kind === "optimizer")) return [];
    return [errors.noEffect({ what: "this optimizer", reason: "the groups behind it take all parameters" }, expr.span)];
  }
  // Of other arguments, such as the weight decay, what the groups say is often an exception from what is meant in general.
  const taken = own?.target.definition.params ?? [];
  const rate = (expr.kind === "call" ? expr.args : []).find(
    ({ name }, i) => (name?.text ?? taken[i]?.name.text) === RATE,
  );
  if (!rate || !changes.every((settings) => settings.some(({ name }) => name?.text === RATE))) return [];
  const reason = "the groups behind it take all parameters, and each has its own";
  return [errors.noEffect({ what: "this learning rate", reason }, rate.span)];
}

function treatmentOf({ rule }: ParamGroup, expr: Expr, env: Env): Treatment {
  if (rule.kind === "frozen") return "frozen";
  if (rule.kind === "optimizer") return boundOptimizer(rule.expr, [], env);
  const written = rule.settings.filter(({ override }) => !override);
  const twice = written.find(({ name }, i) => written.findIndex((other) => other.name!.text === name!.text) < i);
  if (twice) {
    throw env.ctx.failure(errors.duplicateArgument({ callee: "this group", name: twice.name!.text }, twice.span));
  }
  return boundOptimizer(expr, rule.settings, env, rule.span);
}

/** The optimizer that is called, with its arguments and those that take their place. */
function boundOptimizer(expr: Expr, changes: readonly Argument[], env: Env, span = expr.span): BoundOptimizer | null {
  const { ctx } = env;
  const name = expr.kind === "call" ? expr.callee : expr;
  const optimizers = env.spaces.of("optimizer");
  if (name.kind === "name" && lookup({ ...env, prefer: optimizers }, name.name, false) === undefined) {
    const [sort] = env.spaces.sortsOf(name.name);
    const help = sort
      ? { help: meantElsewhere(name.name, sort) }
      : didYouMean(name.name, [...optimizers.all(true), "frozen"]);
    throw ctx.failure(errors.unknownName({ kind: "optimizer", name: name.name }, name.span, help));
  }
  const callee = calleeOf(name, { ...env, prefer: optimizers });
  if (callee === null) return null;
  const { target } = callee;
  if (target.kind !== "definition" || target.definition.sort !== "optimizer") {
    throw ctx.failure(errors.notADefinition({ sort: "optimizer", found: show(callee) }, name.span));
  }
  const { given } = bind(callee, changed(expr.kind === "call" ? expr.args : [], changes), env, null, span);
  const missing = target.definition.params.find((p) => p.default === null && !given.has(p.name.text));
  if (missing) throw ctx.failure(errors.missingArgument({ callee: nameOf(callee), name: missing.name.text }, span));
  if ([...given.values()].some(isPoison)) return null;
  return { target, args: bindParameters(target, given, null, env, span), span };
}

/**
 * The group's arguments take the place of the clause's, and of what the command line says about the clause; the command line's
 * about the group take theirs.
 */
function changed(args: readonly Argument[], changes: readonly Argument[]): readonly Argument[] {
  const named = (list: readonly Argument[]) => new Set(list.map(({ name }) => name?.text));
  const commanded = changes.filter(({ override }) => override);
  const written = changes.filter(({ name, override }) => !override && !named(commanded).has(name?.text));
  const taken = named(changes);
  const kept = args.filter(({ name, override }) => !(override && taken.has(name?.text)));
  return [...kept, ...[...commanded, ...written].map((arg) => ({ ...arg, override: true }))];
}

/** Comparing a pattern with all names takes long: those that are hardly shown have no suggestion. */
function checkPatterns(groups: readonly ParamGroup[], params: readonly TensorDecl[], diagnostics: Diagnostics): void {
  const patterns = groups.flatMap((group) => group.patterns);
  const wrong = patterns.filter(({ text }) => !params.some(({ name }) => matches(text, name)));
  for (const [i, pattern] of wrong.entries()) diagnostics.add(unmatched(pattern, params, i < SUGGESTED));
}

/** The parameters that a group's patterns and condition name, also if an earlier group has them. */
function membersOf({ patterns, condition }: ParamGroup, params: readonly TensorDecl[], env: Env): TensorDecl[] {
  const { ctx } = env;
  const named = params.filter(
    ({ name }) => patterns.length === 0 || patterns.some((pattern) => matches(pattern.text, name)),
  );
  if (condition === null) return named;
  return guarded(ctx.diagnostics, () => named.filter((decl) => holds(condition, decl, env))) ?? named;
}

/** The condition of a group, in which `param` is the parameter. */
function holds(condition: Expr, { name, shape }: TensorDecl, env: Env): boolean {
  const { ctx } = env;
  const scope = new Scope(env.scope);
  scope.set("param", tensor(ctx.b.op("param", [], { name, shape })));
  const value = evaluate(condition, withScope(env, scope));
  if (typeof value === "boolean") return value;
  if (isPoison(value)) return false;
  const what = "the condition of a group";
  if (isTensor(value)) throw ctx.failure(errors.notCompileTime({ what }, condition.span));
  throw ctx.failure(errors.wrongValue({ what, expected: "true or false", found: show(value) }, condition.span));
}

function unmatched({ text, span }: Name, params: readonly TensorDecl[], suggest: boolean): Diagnostic {
  const names = params.map(({ name }) => name);
  const inside = names.some((name) => name.startsWith(`${text}.`));
  const similar = suggest ? suggestions(text, names) : [];
  const guess = inside ? { help: `did you mean \`${text}.*\`?` } : didYouMean(text, similar);
  const known = names.slice(0, 8).map((name) => `\`${name}\``);
  return errors.unmatchedPattern(
    { pattern: text, known: [...known, ...(names.length > 8 ? ["…"] : [])].join(", ") },
    span,
    guess,
  );
}

/** Names like the pattern's: of parameters, and where it begins or ends with `*` parts of them with the same `*`. */
function suggestions(pattern: string, names: readonly string[]): string[] {
  const parts = names.map((name) => name.split("."));
  const heads = pattern.endsWith("*") ? parts.flatMap((p) => p.map((_, i) => `${p.slice(0, i + 1).join(".")}.*`)) : [];
  const tails = pattern.startsWith("*") ? parts.flatMap((p) => p.map((_, i) => `*.${p.slice(i).join(".")}`)) : [];
  return [...heads, ...tails, ...names];
}
