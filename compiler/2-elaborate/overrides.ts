/** `--set optimizer.lr=0.01`: arguments from the command line take the place of those in the file, before elaboration. */
import { parseExpression } from "../1-parse/parse.ts";
import type {
  Argument,
  CallExpr,
  Expr,
  GroupRule,
  LetClause,
  Name,
  ParamGroup,
  Statement,
  Step,
  SyntaxTree,
} from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import { CompileError } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { Clauses } from "./clauses.ts";
import { type Diagnostics, didYouMean } from "./context.ts";
import { importedConstant } from "./linker.ts";
import type { Namespaces } from "./namespaces.ts";

/** Splits off the overrides of constants that the file imports: those are set in the files that define them. */
export function constantOverrides(
  tree: SyntaxTree,
  overrides: Readonly<Record<string, string>>,
  diagnostics: Diagnostics,
): { readonly constants: Map<LetClause, Expr>; readonly overrides: Readonly<Record<string, string>> } {
  const constants = new Map<LetClause, Expr>();
  const others: Record<string, string> = {};
  for (const [key, text] of Object.entries(overrides)) {
    const clause = importedConstant(tree, key);
    const value = clause && parsed(key, text, diagnostics);
    if (clause === undefined) others[key] = text;
    else if (value) constants.set(clause, value);
  }
  return { constants, overrides: others };
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

/** The clauses with the overrides in them. Errors are placed in the override's own text. */
export function withOverrides(
  clauses: Clauses,
  overrides: Readonly<Record<string, string>>,
  names: Namespaces,
  diagnostics: Diagnostics,
): Clauses {
  let result = clauses;
  for (const [key, text] of Object.entries(overrides)) {
    const value = parsed(key, text, diagnostics);
    if (value === null) continue;
    const span = { ...value.span, start: 0, end: key.length };
    result = override(result, key.split("."), value, span, names, diagnostics);
  }
  return result;
}

function override(
  clauses: Clauses,
  [section, ...path]: readonly string[],
  value: Expr,
  span: Span,
  names: Namespaces,
  diagnostics: Diagnostics,
): Clauses {
  const set = <T extends Expr>(expr: T): Expr | null => overrideExpr(expr, path, value, span);
  const { train, optimizer, loss, data, net } = clauses;
  const dot = path.length;
  if (section === "train" && dot === 1) {
    const settings = [...(train?.settings ?? []), argument(path[0], value, span)];
    return { ...clauses, train: train ? { ...train, settings } : { kind: "train", settings, span } };
  }
  if (section === "data" && dot === 1 && data) {
    return { ...clauses, data: { ...data, args: [...data.args, argument(path[0], value, span)] } };
  }
  const groups =
    section === "optimizer" && optimizer ? overrideGroup(optimizer.groups, path.join("."), value, span) : null;
  if (groups) return { ...clauses, optimizer: { ...optimizer!, groups } };
  const optimizerExpr = section === "optimizer" && dot > 0 && optimizer ? set(optimizer.expr) : null;
  if (optimizerExpr) return { ...clauses, optimizer: { ...optimizer!, expr: optimizerExpr } };
  if (section === "loss" && dot === 1 && loss) {
    const expr = overrideLosses(loss.expr, argument(path[0], value, span), names);
    if (expr !== loss.expr) return { ...clauses, loss: { ...loss, expr } };
  }
  const body = section === "net" && dot > 1 && net ? overrideLabel(net.body, path, value, span) : null;
  if (body) return { ...clauses, net: { ...net!, body } };
  if (dot === 0 && clauses.lets.some((l) => l.name.text === section)) {
    return { ...clauses, lets: clauses.lets.map((l) => (l.name.text === section ? { ...l, value } : l)) };
  }
  diagnostics.add(unknown(clauses, [section, ...path].join("."), span));
  return clauses;
}

function unknown(clauses: Clauses, key: string, span: Span): ReturnType<typeof errors.unknownOverride> {
  const labels = (clauses.net?.body ?? []).flatMap((s) => (s.kind === "step" ? s.steps : [])).map((s) => s.label?.text);
  const groups = (clauses.optimizer?.groups ?? [])
    .filter(({ rule }) => rule.kind !== "frozen")
    .flatMap(({ patterns }) => patterns.map(({ text }) => `optimizer.${text}.…`));
  const known = [
    ...["train.…", "optimizer.…", ...groups, "loss.…", clauses.data ? "data.…" : null],
    ...clauses.lets.map((l) => l.name.text),
    ...labels.flatMap((label) => (label ? [`net.${label}.…`] : [])),
  ].filter((k) => k !== null);
  const parts = key.split(".");
  // The pattern of a group may hold dots.
  const inGroup = parts[0] === "optimizer" && parts.length > 2;
  const depth = inGroup ? parts.length - 1 : parts[0] === "net" ? 2 : 1;
  const guess = didYouMean(
    parts.slice(0, depth).join("."),
    (inGroup ? groups : known).map((k) => k.replace(".…", "")),
  );
  const rest = parts.slice(depth).map((part) => `.${part}`);
  const help = guess.help?.replace("`?", `${rest.join("")}\`?`);
  return errors.unknownOverride({ key, known: known.map((k) => `\`${k}\``).join(", ") }, span, { help });
}

const nameAt = (text: string, span: Span): Name => ({ text, span });
const argument = (name: string, value: Expr, span: Span): Argument => ({
  name: nameAt(name, span),
  value,
  span,
  override: true,
});

/** Sets an argument of a call; a longer path goes on into that argument's own call. `sgd` is `sgd()`. */
function overrideExpr(expr: Expr, [name, ...rest]: readonly string[], value: Expr, span: Span): Expr | null {
  if (expr.kind === "name") {
    const call: CallExpr = { kind: "call", callee: expr, args: [], span: expr.span };
    return overrideExpr(call, [name, ...rest], value, span);
  }
  if (expr.kind !== "call") return null;
  if (rest.length === 0) return { ...expr, args: [...expr.args, argument(name, value, span)] };
  const inner = expr.args.find((arg) => arg.name?.text === name);
  const changed = inner && overrideExpr(inner.value, rest, value, span);
  if (!changed) return null;
  return { ...expr, args: expr.args.map((arg) => (arg === inner ? { ...arg, value: changed } : arg)) };
}

/** `*.bias.weight_decay`: an argument of the group that names this pattern. */
function overrideGroup(groups: readonly ParamGroup[], key: string, value: Expr, span: Span): ParamGroup[] | null {
  const named = groups.find(({ patterns }) => patterns.some(({ text }) => key.startsWith(`${text}.`)));
  const pattern = named?.patterns.find(({ text }) => key.startsWith(`${text}.`));
  const rule = named && pattern && overrideRule(named.rule, key.slice(pattern.text.length + 1).split("."), value, span);
  return rule ? groups.map((group) => (group === named ? { ...group, rule } : group)) : null;
}

function overrideRule(rule: GroupRule, path: readonly string[], value: Expr, span: Span): GroupRule | null {
  if (rule.kind === "frozen") return null;
  if (rule.kind === "optimizer") {
    const expr = overrideExpr(rule.expr, path, value, span);
    return expr && { ...rule, expr };
  }
  const [name, ...rest] = path;
  if (rest.length === 0) return { ...rule, settings: [...rule.settings, argument(name, value, span)] };
  const inner = rule.settings.find((setting) => setting.name?.text === name);
  const changed = inner && overrideExpr(inner.value, rest, value, span);
  if (!changed) return null;
  return { ...rule, settings: rule.settings.map((s) => (s === inner ? { ...s, value: changed } : s)) };
}

/** Sets an argument of every loss in a sum, mean or mix of losses. */
function overrideLosses(expr: Expr, arg: Argument, names: Namespaces): Expr {
  const inside = (e: Expr): Expr => overrideLosses(e, arg, names);
  if (expr.kind === "unary") return { ...expr, operand: inside(expr.operand) };
  if (expr.kind === "binary") return { ...expr, left: inside(expr.left), right: inside(expr.right) };
  if (expr.kind !== "call") return expr;
  const isLoss = expr.callee.kind === "name" && names.user.of("loss").callable(expr.callee.name) !== undefined;
  if (isLoss) return { ...expr, args: [...expr.args, arg] };
  return { ...expr, args: expr.args.map((a) => ({ ...a, value: inside(a.value) })) };
}

/** `net.conv1.kernel`: an argument of the step with that label. */
function overrideLabel(
  body: readonly Statement[],
  [label, ...path]: readonly string[],
  value: Expr,
  span: Span,
): Statement[] | null {
  let found = false;
  const inStep = (step: Step): Step => {
    const expr = step.label?.text === label ? overrideExpr(step.expr, path, value, span) : null;
    found ||= expr !== null;
    return expr === null ? step : { ...step, expr };
  };
  const result = body.map((s) => (s.kind === "step" ? { ...s, steps: s.steps.map(inStep) } : s));
  return found ? result : null;
}
