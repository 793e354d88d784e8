/** `--set optimizer.lr=0.01`: arguments from the command line take the place of those in the file, before elaboration. */
import { parseExpression } from "../1-parse/parse.ts";
import type {
  Argument,
  CallExpr,
  DataClause,
  Expr,
  GroupRule,
  LetClause,
  Name,
  ParamGroup,
  Step,
  SyntaxTree,
  UseClause,
} from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import { CompileError, type Diagnostic } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { Clauses } from "./clauses.ts";
import { type Diagnostics, didYouMean } from "./context.ts";
import { importedConstant } from "./linker.ts";
import type { Namespaces } from "./namespaces.ts";
import { TRAIN_SETTINGS } from "./settings.ts";
import { signature } from "./signatures.ts";
import { type Callable, isCallable, nameOf } from "./values.ts";

/** `optimizer.lr=0.01` */
export interface Override {
  readonly section: string;
  /** What follows the section. */
  readonly path: readonly string[];
  readonly value: Expr;
  /** Of the key. */
  readonly span: Span;
}

/** Splits off the overrides of constants that the file imports: those are set in the files that define them. */
export function constantOverrides(
  tree: SyntaxTree,
  overrides: Readonly<Record<string, string>>,
  diagnostics: Diagnostics,
): { readonly constants: Map<LetClause, Expr>; readonly others: readonly Override[] } {
  const constants = new Map<LetClause, Expr>();
  const others: Override[] = [];
  for (const [key, text] of Object.entries(overrides)) {
    const value = parsed(key, text, diagnostics);
    if (value === null) continue;
    const [section, ...path] = key.split(".");
    const clause = importedConstant(tree, key);
    if (clause) constants.set(clause, value);
    else others.push({ section, path, value, span: { ...value.span, start: 0, end: key.length } });
  }
  return { constants, others };
}

/** The value of `key=text`; errors are placed in that. */
function parsed(key: string, text: string, diagnostics: Diagnostics): Expr | null {
  try {
    return parseExpression({ name: "--set", text: `${key}=${text}` }, key.length + 1);
  } catch (e) {
    if (!(e instanceof CompileError)) throw e;
    for (const d of e.diagnostics) diagnostics.add(d);
    return null;
  }
}

/**
 * The clauses with the overrides in them, but for those of the net. Errors are placed in the override's own text; `imported` are
 * constants that could have been meant.
 */
export function withOverrides(
  clauses: Clauses,
  overrides: readonly Override[],
  names: Namespaces,
  imported: readonly string[],
  diagnostics: Diagnostics,
): Clauses {
  const constants = [...clauses.lets.map(({ name }) => name.text), ...imported];
  return overrides.reduce((all, at) => {
    const changed = changedClauses(all, at, names);
    if (changed === null) diagnostics.add(unknown(clauses, at, names, constants));
    return changed ?? all;
  }, clauses);
}

/** null: there is nothing of that name. */
function changedClauses(clauses: Clauses, at: Override, names: Namespaces): Clauses | null {
  const { lets } = clauses;
  const { section, path, value, span } = at;
  if (path.length === 0) {
    if (!lets.some(({ name }) => name.text === section)) return null;
    return { ...clauses, lets: lets.map((clause) => (clause.name.text === section ? { ...clause, value } : clause)) };
  }
  if (section === "train" && path.length === 1) {
    const settings = [...(clauses.train?.settings ?? []), argument(path[0], at)];
    return { ...clauses, train: { kind: "train", span, ...clauses.train, settings } };
  }
  const data = section === "data" && clauses.data && overrideData(clauses.data, at, names);
  if (data) return { ...clauses, data };
  const optimizer = section === "optimizer" && clauses.optimizer && overrideOptimizer(clauses.optimizer, at, names);
  if (optimizer) return { ...clauses, optimizer };
  const loss = section === "loss" && clauses.loss && overrideCalls(clauses.loss.expr, path, at, names, "loss");
  if (loss) return { ...clauses, loss: { ...clauses.loss!, expr: loss } };
  const metrics = section === "metric" && overrideMetric(clauses.metrics, at, names);
  return metrics ? { ...clauses, metrics } : null;
}

/** `data.split`, or `data.random_crop.padding`: an argument of a step, by its label or what it calls. */
function overrideData(clause: DataClause, at: Override, names: Namespaces): DataClause | null {
  const [first, ...rest] = at.path;
  if (rest.length === 0) return { ...clause, args: [...clause.args, argument(first, at)] };
  let found = false;
  const inStep = (step: Step): Step => {
    const expr = stepName(step) === first ? overrideExpr(step.expr, rest, at, names) : null;
    found ||= expr !== null;
    return expr === null ? step : { ...step, expr };
  };
  const body = clause.body.map((s) => (s.kind === "step" ? { ...s, steps: s.steps.map(inStep) } : s));
  return found ? { ...clause, body } : null;
}

function stepName({ label, expr }: Step): string | null {
  const callee = expr.kind === "call" ? expr.callee : expr;
  return label?.text ?? (callee.kind === "name" ? callee.name : null);
}

function overrideOptimizer(clause: UseClause, at: Override, names: Namespaces): UseClause | null {
  const groups = overrideGroup(clause.groups, at, names);
  if (groups) return { ...clause, groups };
  const expr = overrideExpr(clause.expr, at.path, at, names);
  return expr && { ...clause, expr };
}

/** `metric.accuracy.k`: an argument of the metric of that label, or else name. */
function overrideMetric(metrics: readonly UseClause[], at: Override, names: Namespaces): UseClause[] | null {
  const [name, ...path] = at.path;
  const found = path.length > 0 && metrics.find((clause) => metricName(clause) === name);
  const expr = found && overrideValue(found.expr, path, at, names, "metric");
  return expr ? metrics.map((clause) => (clause === found ? { ...clause, expr } : clause)) : null;
}

type Sort = "loss" | "metric" | "schedule" | "optimizer";

/** In a call, or in the calls of that sort in a mix of them. */
function overrideValue(expr: Expr, path: readonly string[], at: Override, names: Namespaces, sort: Sort): Expr | null {
  return overrideCalls(expr, path, at, names, sort) ?? overrideExpr(expr, path, at, names);
}

/**
 * `loss.reduction`: an argument of every loss in a sum, mean or mix of losses that has it; `loss.mse.reduction`: of the loss
 * that is called so. Metrics and schedules are found in their mixes alike. null: none has it.
 */
function overrideCalls(whole: Expr, path: readonly string[], at: Override, names: Namespaces, sort: Sort): Expr | null {
  const [first, ...rest] = path;
  let found = false;
  const inside = (expr: Expr): Expr => {
    if (expr.kind === "unary") return { ...expr, operand: inside(expr.operand) };
    if (expr.kind === "binary") return { ...expr, left: inside(expr.left), right: inside(expr.right) };
    if (expr.kind === "choice") {
      return { ...expr, condition: inside(expr.condition), then: inside(expr.then), else: inside(expr.else) };
    }
    if (expr.kind === "list") return { ...expr, items: expr.items.map(inside) };
    if (expr.kind !== "call") return expr;
    const callee = called(expr, names, sort);
    const own = callee === null ? [] : paramNames(callee).includes(first) ? path : nameOf(callee) === first ? rest : [];
    const changed = own.length > 0 ? overrideExpr(expr, own, at, names) : null;
    found ||= changed !== null;
    return changed ?? { ...expr, args: expr.args.map((arg) => ({ ...arg, value: inside(arg.value) })) };
  };
  const result = inside(whole);
  return found ? result : null;
}

/** The calls of that sort in an expression, but for those inside others. */
function callsIn(expr: Expr, names: Namespaces, sort: Sort): CallExpr[] {
  const all = (parts: readonly Expr[]): CallExpr[] => parts.flatMap((part) => callsIn(part, names, sort));
  if (expr.kind === "unary") return all([expr.operand]);
  if (expr.kind === "binary") return all([expr.left, expr.right]);
  if (expr.kind === "choice") return all([expr.condition, expr.then, expr.else]);
  if (expr.kind === "list") return all(expr.items);
  if (expr.kind !== "call") return [];
  const inner = all(expr.args.map(({ value }) => value));
  return called(expr, names, sort) ? [expr, ...inner] : inner;
}

/** What an expression calls, if it is of that sort. */
function called(expr: Expr, names: Namespaces, sort: Sort): Callable | null {
  const callee = expr.kind === "call" ? expr.callee : expr;
  const target = callee.kind === "name" ? names.user.of(sort).callable(callee.name) : undefined;
  return target !== undefined && isCallable(target) ? target : null;
}

const paramNames = (callee: Callable): string[] => signature(callee).params.map(({ name }) => name);

function metricName({ label, expr }: UseClause): string | undefined {
  return label?.text ?? (expr.kind === "call" && expr.callee.kind === "name" ? expr.callee.name : undefined);
}

/** What there is at the level at which the key goes wrong. */
function unknown(
  clauses: Clauses,
  { section, path, span }: Override,
  all: Namespaces,
  constants: readonly string[],
): Diagnostic {
  const levels = levelsOf(clauses, all);
  const parts = [section, ...path];
  const key = parts.join(".");
  const level = [...levels.keys()].reverse().find((name) => key.startsWith(`${name}.`));
  const sections = ["train", "optimizer", "loss", "data", "metric", "net"].map((name) => `${name}.…`);
  const known =
    level === undefined ? [...sections, ...constants] : levels.get(level)!.map((name) => `${level}.${name}`);
  // The pattern of a group may hold dots.
  const least = level === undefined ? 1 : level.split(".").length + 1;
  const depth = level === "optimizer" ? Math.max(least, parts.length - 1) : least;
  const wrong = parts.slice(0, depth).join(".");
  // What has parts of its own is meant by a key of several.
  const names = known
    .filter((name) => depth === parts.length || level === undefined || name.endsWith("…"))
    .map((name) => name.replace(".…", ""));
  const guess = names.includes(wrong) ? {} : didYouMean(wrong, names);
  const rest = parts.slice(depth).map((part) => `.${part}`);
  const help = guess.help?.replace("`?", `${rest.join("")}\`?`);
  const list = known.map((name) => `\`${name}\``).join(", ") || `nothing in \`${section}\``;
  return errors.unknownOverride({ key, known: list }, span, { help });
}

/** The names after each section, or after an argument of the optimizer, and a dot; those with parts of their own end in `.…`. */
function levelsOf({ data, optimizer, loss, metrics }: Clauses, names: Namespaces): Map<string, string[]> {
  const steps = (data?.body ?? []).flatMap((s) => (s.kind === "step" ? s.steps : [])).map(stepName);
  const groups = (optimizer?.groups ?? []).filter(({ rule }) => rule.kind !== "frozen");
  const deeper = (found: readonly (string | null | undefined)[]): string[] =>
    [...new Set(found)].flatMap((name) => (name ? [`${name}.…`] : []));
  const inMix = (expr: Expr, sort: Sort): string[] => {
    const callees = callsIn(expr, names, sort).map((call) => called(call, names, sort)!);
    return [...new Set(callees.flatMap(paramNames)), ...deeper(callees.map(nameOf))];
  };
  const schedules = (optimizer ? argumentsOf(optimizer.expr, names) : []).map(
    ([name, value]) => [`optimizer.${name}`, inMix(value, "schedule")] as const,
  );
  return new Map([
    ["train", [...TRAIN_SETTINGS]],
    ["data", deeper(steps)],
    [
      "optimizer",
      [
        ...(optimizer ? paramsOf(optimizer.expr, names) : []),
        ...deeper(groups.flatMap(({ patterns }) => patterns.map(({ text }) => text))),
      ],
    ],
    ["loss", loss ? inMix(loss.expr, "loss") : []],
    ["metric", deeper(metrics.map(metricName))],
    ...schedules.filter(([, found]) => found.length > 0),
  ]);
}

const nameAt = (text: string, span: Span): Name => ({ text, span });
const argument = (name: string, { value, span }: Override): Argument => ({
  name: nameAt(name, span),
  value,
  span,
  override: true,
});

/** Sets an argument of a call; a longer path goes on into that argument's own call. `sgd` is `sgd()`. */
function overrideExpr(expr: Expr, [name, ...rest]: readonly string[], at: Override, names: Namespaces): Expr | null {
  if (expr.kind === "name") {
    const call: CallExpr = { kind: "call", callee: expr, args: [], span: expr.span };
    return overrideExpr(call, [name, ...rest], at, names);
  }
  if (expr.kind !== "call") return null;
  if (rest.length === 0) return { ...expr, args: [...expr.args, argument(name, at)] };
  // The last one of that name: what the command line has set before counts.
  const inner = [...argumentsOf(expr, names)].reverse().find(([of]) => of === name)?.[1];
  const changed = inner && overrideValue(inner, rest, at, names, "schedule");
  if (!changed) return null;
  return { ...expr, args: expr.args.map((arg) => (arg.value === inner ? { ...arg, value: changed } : arg)) };
}

/** The arguments of a call with the names of their parameters. */
function argumentsOf(expr: Expr, names: Namespaces): (readonly [name: string, value: Expr])[] {
  const params = paramsOf(expr, names);
  const args = expr.kind === "call" ? expr.args : [];
  return args.flatMap(({ name, value }, i) => {
    const of = name?.text ?? params[i];
    return of === undefined ? [] : [[of, value] as const];
  });
}

/** The names of what is called takes, as far as they are known before it is run. A layer may have a schedule's name. */
function paramsOf(expr: Expr, names: Namespaces): string[] {
  const callee = expr.kind === "call" ? expr.callee : expr;
  const any = callee.kind === "name" ? names.user.anyCallable(callee.name) : undefined;
  const target = called(expr, names, "optimizer") ?? called(expr, names, "schedule") ?? any;
  return target ? paramNames(target) : [];
}

/** `*.bias.weight_decay`: an argument of the group that names this pattern. */
function overrideGroup(groups: readonly ParamGroup[], at: Override, names: Namespaces): ParamGroup[] | null {
  const key = at.path.join(".");
  const named = groups.find(({ patterns }) => patterns.some(({ text }) => key.startsWith(`${text}.`)));
  const pattern = named?.patterns.find(({ text }) => key.startsWith(`${text}.`));
  const rule = named && pattern && overrideRule(named.rule, key.slice(pattern.text.length + 1).split("."), at, names);
  return rule ? groups.map((group) => (group === named ? { ...group, rule } : group)) : null;
}

function overrideRule(rule: GroupRule, path: readonly string[], at: Override, names: Namespaces): GroupRule | null {
  if (rule.kind === "frozen") return null;
  if (rule.kind === "optimizer") {
    const expr = overrideExpr(rule.expr, path, at, names);
    return expr && { ...rule, expr };
  }
  const [name, ...rest] = path;
  if (rest.length === 0) return { ...rule, settings: [...rule.settings, argument(name, at)] };
  const inner = rule.settings.find((setting) => setting.name?.text === name);
  const changed = inner && overrideValue(inner.value, rest, at, names, "schedule");
  if (!changed) return null;
  return { ...rule, settings: rule.settings.map((s) => (s === inner ? { ...s, value: changed } : s)) };
}
