/** `--set optimizer.lr=0.01`: arguments from the command line take the place of those in the file, before elaboration. */
import { parseExpression } from "../1-parse/parse.ts";
import type { Argument, CallExpr, Expr, Name, Statement, Step } from "../1-parse/syntax.ts";
import type { SourceFile, Span } from "../diagnostics.ts";
import { CompileError } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { Clauses } from "./clauses.ts";
import { type Diagnostics, didYouMean } from "./context.ts";

/** The clauses with the overrides in them. Errors are placed in the override's own text. */
export function withOverrides(
  clauses: Clauses,
  overrides: Readonly<Record<string, string>>,
  diagnostics: Diagnostics,
): Clauses {
  let result = clauses;
  for (const [key, text] of Object.entries(overrides)) {
    const file: SourceFile = { name: "--set", text: `${key}=${text}` };
    try {
      const value = parseExpression(file, key.length + 1);
      result = override(result, key.split("."), value, { file, start: 0, end: key.length }, diagnostics);
    } catch (e) {
      if (!(e instanceof CompileError)) throw e;
      for (const d of e.diagnostics) diagnostics.add(d);
    }
  }
  return result;
}

function override(
  clauses: Clauses,
  [section, ...path]: readonly string[],
  value: Expr,
  span: Span,
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
  const optimizerExpr = section === "optimizer" && dot > 0 && optimizer ? set(optimizer.expr) : null;
  if (optimizerExpr) return { ...clauses, optimizer: { ...optimizer!, expr: optimizerExpr } };
  const lossExpr = section === "loss" && dot > 0 && loss ? set(loss.expr) : null;
  if (lossExpr) return { ...clauses, loss: { ...loss!, expr: lossExpr } };
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
  const known = [
    ...["train.…", "optimizer.…", "loss.…", clauses.data ? "data.…" : null],
    ...clauses.lets.map((l) => l.name.text),
    ...labels.flatMap((label) => (label ? [`net.${label}.…`] : [])),
  ].filter((k) => k !== null);
  const [section, ...rest] = key.split(".");
  const guess = didYouMean(
    section,
    known.map((k) => k.replace(".…", "")),
  );
  const help = guess.help && rest.length > 0 ? guess.help.replace("`?", `.${rest.join(".")}\`?`) : guess.help;
  return errors.unknownOverride({ key, known: known.map((k) => `\`${k}\``).join(", ") }, span, { help });
}

const nameAt = (text: string, span: Span): Name => ({ text, span });
const argument = (name: string, value: Expr, span: Span): Argument => ({
  name: nameAt(name, span),
  value,
  span,
  override: true,
});

/** Sets an argument of the first call in `expr`; a longer path goes on into that argument's own call. */
function overrideExpr(expr: Expr, path: readonly string[], value: Expr, span: Span): Expr | null {
  const call = outermostCall(expr);
  if (call === null) return null;
  const [name, ...rest] = path;
  if (rest.length === 0) {
    return replaced(expr, call, { ...call, args: [...call.args, argument(name, value, span)] });
  }
  const inner = call.args.find((arg) => arg.name?.text === name);
  const changed = inner && overrideExpr(inner.value, rest, value, span);
  if (!inner || !changed) return null;
  return replaced(expr, call, {
    ...call,
    args: call.args.map((arg) => (arg === inner ? { ...arg, value: changed } : arg)),
  });
}

/** `optimizer sgd` is `sgd()`; in `0.5 * mse(…) + …` it is the first call. */
function outermostCall(expr: Expr): CallExpr | null {
  if (expr.kind === "call") return expr;
  if (expr.kind === "name") return { kind: "call", callee: expr, args: [], span: expr.span };
  if (expr.kind === "binary") return callIn(expr.left) ?? callIn(expr.right);
  return expr.kind === "unary" ? callIn(expr.operand) : null;
}

const callIn = (expr: Expr): CallExpr | null => (expr.kind === "name" ? null : outermostCall(expr));

function replaced(expr: Expr, call: CallExpr, by: CallExpr): Expr {
  if (expr === call || expr.kind === "name") return by;
  if (expr.kind === "binary") {
    const left = replaced(expr.left, call, by);
    return left === expr.left ? { ...expr, right: replaced(expr.right, call, by) } : { ...expr, left };
  }
  return expr.kind === "unary" ? { ...expr, operand: replaced(expr.operand, call, by) } : expr;
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
