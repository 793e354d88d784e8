/** Evaluates expressions at compile time; operations on tensors become values of the IR. */
import type { BinaryOperator, Expr, Name, Step } from "../1-parse/syntax.ts";
import { type Diagnostic, ShapeError, type Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { sizeOf } from "../ir/graph.ts";
import { COMPARISONS, choose, compareNumbers, elementwise, numbers, overflows } from "./arithmetic.ts";
import { matmul } from "./builtins/linear-algebra.ts";
import { apply, call, complete } from "./calls.ts";
import { type Context, didYouMean, type Env, lookup, meantElsewhere, type TrailStep } from "./context.ts";
import { together } from "./failure.ts";
import { member } from "./members.ts";
import {
  type Callable,
  type CValue,
  isCallable,
  isList,
  isOutputs,
  isPoison,
  isTensor,
  POISON,
  show,
  type Tensor,
  tensor,
} from "./values.ts";

/** No tensor may have more elements than a signed 32-bit integer counts. */
export const MAX_ELEMENTS = 2 ** 31;

const MAX_AXES = 16;
/** Elements of a list that are as much work as a step. */
const LIST_STEP = 16;

/** `label` is that of the step which the expression is: a layer applied here has its parameters called so. */
export function evaluate(expr: Expr, env: Env, label: Name | null = null): CValue {
  return env.ctx.step(expr.span, () => checked(evaluateKind(expr, env, label), expr.span, env.ctx));
}

/** Where a function may stand: `conv2d(kernel = 3)` is one of the arguments that it lacks. */
export function evaluateFunction(expr: Expr, env: Env): CValue {
  if (expr.kind !== "call") return evaluate(expr, env);
  return env.ctx.step(expr.span, () => checked(call(expr, env, null, null, true), expr.span, env.ctx));
}

function evaluateKind(expr: Expr, env: Env, label: Name | null): CValue {
  switch (expr.kind) {
    case "number":
    case "string":
    case "boolean":
      return expr.value;
    case "name":
      return named(expr.name, expr.span, env);
    case "list":
      return list(expr, env);
    case "unary":
      return unary(expr, env);
    case "binary":
      return expr.op === "and" || expr.op === "or" ? logical(expr, env) : binary(expr, env);
    case "choice":
      return choice(expr, env);
    case "call":
      return call(expr, env, null, label);
    case "index":
      return indexed(expr, env);
    case "member":
      return member(targetOf(expr.target, env), expr.member, env.ctx);
    case "pipe":
      return pipe(expr.steps, env);
    case "block":
      return callableBlock(expr.body, null, expr.span, env);
    case "repeat": {
      const repeat = { ...expr, count: evaluate(expr.count, env), span: expr.count.span };
      return callableBlock(expr.body, repeat, expr.span, env);
    }
    default:
      return expr satisfies never;
  }
}

/** Refuses tensors that no machine holds, at the place where they arise. A long list counts as many steps. */
function checked(value: CValue, span: Span, ctx: Context): CValue {
  if (isList(value)) ctx.charge(value.length / LIST_STEP, span);
  if (isTensor(value)) {
    const { shape } = value.value.type;
    if (shape.length > MAX_AXES) throw ctx.failure(errors.tooManyAxes({ axes: shape.length, limit: MAX_AXES }, span));
    const elements = sizeOf(shape, ctx.batch);
    if (elements > MAX_ELEMENTS) {
      const what = `this tensor [${shape.join(", ")}] (n = ${ctx.batch})`;
      throw ctx.failure(errors.tooLarge({ what, elements, limit: MAX_ELEMENTS }, span));
    }
  }
  return value;
}

/** The values of several expressions: in the user's text the errors of all of them. */
function operands(exprs: readonly Expr[], env: Env, of = (expr: Expr, env: Env) => evaluate(expr, env)): CValue[] {
  const isUser = exprs.some(({ span }) => env.ctx.isUser(span.file));
  return isUser ? together(exprs.map((expr) => () => of(expr, env))) : exprs.map((expr) => of(expr, env));
}

/** Nested once at most: lists of lists of the same lists would be small to write and without bound to read. */
function list(expr: Extract<Expr, { kind: "list" }>, env: Env): CValue {
  const items = operands(expr.items, env, evaluateFunction);
  if (items.some(isPoison)) return POISON;
  if (items.some((item) => isList(item) && item.some(isList))) {
    throw env.ctx.failure(errors.nestedList({}, expr.span));
  }
  return items;
}

/** What a member is of: the outputs of the net may be several there, and nowhere else. */
function targetOf(expr: Expr, env: Env): CValue {
  const value = expr.kind === "name" ? lookup(env, expr.name, false) : undefined;
  return value !== undefined && isOutputs(value) ? value : evaluate(expr, env);
}

function named(name: string, span: Span, env: Env): CValue {
  const value = lookup(env, name, false);
  if (value === undefined) return unknownName(name, span, env, "name");
  if (isOpenSchedule(value)) return complete(value, { given: value.given, input: null }, env, null, span);
  if (!isOutputs(value)) return value;
  if (value.main !== null) return value.main;
  const known = [...value.named.keys()].map((output) => `\`${name}.${output}\``);
  throw env.ctx.failure(errors.severalOutputs({ known: known.join(", ") }, span));
}

/** A schedule that needs no arguments is its value: `momentum = one_cycle_momentum`. */
function isOpenSchedule(value: CValue): value is Callable {
  if (!isCallable(value) || value.target.kind !== "definition") return false;
  const { sort, params } = value.target.definition;
  return sort === "schedule" && params.every((param) => param.default !== null);
}

export function unknownName(name: string, span: Span, env: Env, kind: string): never {
  const sorts = env.spaces.sortsOf(name);
  const missed = env.scope.missed(name);
  if (missed) {
    const help = `the branch of \`if\` that names it is not taken in ${env.ctx.training ? "training" : "evaluation"}: name it in the other too`;
    const notes = [{ message: "named here", span: missed }];
    throw env.ctx.failure(errors.unknownName({ kind, name }, span, { help, notes }));
  }
  const toCall = kind !== "name";
  const words = toCall ? [] : ["true", "false"];
  const known = [...words, ...env.scope.all(toCall), ...(env.prefer?.all(toCall) ?? [])];
  const pending = `\`${name}\` has no value yet: a constant sees those above it, and none may need itself`;
  const elsewhere = sorts.length > 0 ? meantElsewhere(name, sorts[0]) : null;
  const help = elsewhere ?? (env.ctx.pending.has(name) ? pending : null);
  throw env.ctx.failure(errors.unknownName({ kind, name }, span, help === null ? didYouMean(name, known) : { help }));
}

function unary(expr: Extract<Expr, { kind: "unary" }>, env: Env): CValue {
  const value = evaluate(expr.operand, env);
  const { ctx } = env;
  if (isPoison(value)) return POISON;
  if (expr.op === "not") {
    if (typeof value === "boolean") return !value;
    if (isTensor(value) && value.value.type.dtype === "bool") return tensor(ctx.b.op("not", [value.value]));
    return wrongOperand("not", "a condition", value, expr.operand.span, env);
  }
  if (typeof value === "number") return expr.op === "-" ? -value : [-value, value];
  if (expr.op === "-" && isTensor(value)) return operation(expr.span, env, () => elementwise(ctx.b, "-", 0, value));
  return wrongOperand(expr.op, expr.op === "-" ? "a number or a tensor" : "a number", value, expr.operand.span, env);
}

function logical(expr: Extract<Expr, { kind: "binary" }>, env: Env): CValue {
  const left = evaluate(expr.left, env);
  const decided = expr.op === "or";
  if (isPoison(left)) return POISON;
  if (left === decided) return left;
  const right = evaluate(expr.right, env);
  if (isPoison(right)) return POISON;
  for (const [value, span] of [
    [left, expr.left.span],
    [right, expr.right.span],
  ] as const) {
    const condition = typeof value === "boolean" || (isTensor(value) && value.value.type.dtype === "bool");
    if (!condition) wrongOperand(expr.op, "conditions", value, span, env);
  }
  if (typeof left === "boolean") return right;
  if (typeof right === "boolean") return right === decided ? right : left;
  return operation(expr.span, env, () =>
    tensor(env.ctx.b.binary(expr.op, (left as Tensor).value, (right as Tensor).value)),
  );
}

function binary(expr: Extract<Expr, { kind: "binary" }>, env: Env): CValue {
  const [left, right] = operands([expr.left, expr.right], env);
  if (isPoison(left) || isPoison(right)) return POISON;
  const { op, span } = expr;
  const numeric = (v: CValue): v is number | Tensor => typeof v === "number" || isTensor(v);
  if (op === "@") {
    for (const [v, e] of [[left, expr.left] as const, [right, expr.right] as const]) {
      if (!isTensor(v)) wrongOperand("@", "tensors", v, e.span, env);
    }
    return operation(span, env, () => matmul(env.ctx.b, left as Tensor, right as Tensor));
  }
  if (typeof left === "number" && typeof right === "number") {
    const result = ofNumbers(op, left, right);
    if (overflows(result, [left, right])) throw env.ctx.failure(tooLarge(`${show(left)} ${op} ${show(right)}`, span));
    return result;
  }
  if (numeric(left) && numeric(right)) return operation(span, env, () => elementwise(env.ctx.b, op, left, right));
  const isEquality = op === "==" || op === "!=";
  // A word without quotes is most likely the name of a function.
  const fits = isEquality ? (v: CValue) => !isCallable(v) : numeric;
  if (isEquality && fits(left) && fits(right)) return equal(left, right) === (op === "==");
  const [wrong, at] = fits(left) ? [right, expr.right.span] : [left, expr.left.span];
  return wrongOperand(op, isEquality ? "numbers, tensors or words in quotes" : "numbers or tensors", wrong, at, env);
}

function ofNumbers(op: BinaryOperator, left: number, right: number): CValue {
  return COMPARISONS.includes(op) ? compareNumbers(op, left, right) : numbers(op, left, right);
}

/** What arithmetic on finite numbers may not give. */
export const tooLarge = (what: string, span: Span): Diagnostic =>
  errors.numberOutOfRange({ what, side: "too large: numbers end at 1.8e308" }, span, {
    help: "infinity is written `1 / 0`",
  });

/** Equality of words, conditions and lists; of lists with the batch size in them too. */
export function equal(a: CValue, b: CValue): boolean {
  if (isList(a) && isList(b)) return a.length === b.length && a.every((v, i) => equal(v, b[i]));
  if (isTensor(a) && isTensor(b)) return a.value === b.value;
  return a === b;
}

function choice(expr: Extract<Expr, { kind: "choice" }>, env: Env): CValue {
  const condition = evaluate(expr.condition, env);
  if (isPoison(condition)) return POISON;
  if (typeof condition === "boolean") return evaluate(condition ? expr.then : expr.else, env);
  if (!isTensor(condition) || condition.value.type.dtype !== "bool") {
    wrongOperand("if", "a condition", condition, expr.condition.span, env);
  }
  const [x, y] = [evaluate(expr.then, env), evaluate(expr.else, env)];
  if (isPoison(x) || isPoison(y)) return POISON;
  for (const [v, e] of [[x, expr.then] as const, [y, expr.else] as const]) {
    if (typeof v !== "number" && !isTensor(v)) wrongOperand("if", "numbers or tensors to choose from", v, e.span, env);
  }
  return operation(expr.span, env, () => choose(env.ctx.b, condition as Tensor, x, y));
}

function indexed(expr: Extract<Expr, { kind: "index" }>, env: Env): CValue {
  const target = evaluate(expr.target, env);
  const index = evaluate(expr.index, env);
  if (isPoison(target) || isPoison(index)) return POISON;
  if (!isList(target)) wrongOperand("[ ]", "a list", target, expr.target.span, env);
  if (typeof index !== "number" || !Number.isInteger(index)) {
    wrongOperand("[ ]", "a whole number", index, expr.index.span, env);
  }
  const { length } = target as readonly CValue[];
  if (index < 0 || index >= length) {
    throw env.ctx.failure(errors.indexOutOfRange({ index, length }, expr.index.span));
  }
  return (target as readonly CValue[])[index];
}

function wrongOperand(operator: string, expected: string, found: CValue, span: Span, env: Env): never {
  throw env.ctx.failure(errors.wrongOperand({ operator, expected, found: show(found) }, span));
}

/** Runs something that makes IR values: gives them their place, and shape errors theirs. */
export function operation<T>(span: Span, env: Env, run: () => T): T {
  const { b } = env.ctx;
  const outer = b.span;
  b.span = env.ctx.userSpan(span);
  try {
    return run();
  } catch (e) {
    if (e instanceof ShapeError)
      throw env.ctx.failure(errors.shapeError({ message: e.message }, span, { help: e.help }));
    throw e;
  } finally {
    b.span = outer;
  }
}

/** `x |> f |> label: g`: each step takes the value before it; a label names the step's value from there on. */
function pipe([first, ...rest]: readonly Step[], env: Env): CValue {
  const begin = evaluate(first.expr, env);
  // A name's value is in the chain already.
  const trail = first.expr.kind === "name" ? [] : [trailStep(first, begin)];
  return rest.reduce((value, step) => {
    const next = env.ctx.along(trail, () => pipeStep(step, value, env));
    trail.push(trailStep(step, next));
    return next;
  }, begin);
}

/** A step is called by its label, or as it is written. */
export function trailStep({ label, expr, span }: Step, value: CValue): TrailStep {
  const text = expr.span.file.text.slice(expr.span.start, expr.span.end).replace(/\s+/g, " ");
  return { label: label?.text ?? (text.length > 40 ? `${text.slice(0, 40)}…` : text), value, span };
}

export function pipeStep(step: Step, input: CValue, env: Env): CValue {
  const value = checked(stepValue(step, input, env), step.span, env.ctx);
  if (step.label) nameStep(step.label, value, env);
  return value;
}

function stepValue({ label, expr }: Step, input: CValue, env: Env): CValue {
  if (expr.kind === "call") return call(expr, env, input, label);
  const target = evaluate(expr, env);
  if (isPoison(target)) return POISON;
  if (!isCallable(target)) throw env.ctx.failure(errors.notALayer({ found: show(target) }, expr.span));
  return apply(target, input, env, label, expr.span);
}

/** From here on the label is the step's value. */
export function nameStep(label: Name, value: CValue, env: Env): void {
  if (env.scope.own(label.text) !== undefined) {
    throw env.ctx.failure(errors.duplicateName({ kind: "label", name: label.text }, label.span));
  }
  env.scope.set(label.text, value);
}

function callableBlock(
  body: Extract<Expr, { kind: "block" }>["body"],
  repeat: { count: CValue; variable: Name | null; shared: boolean; span: Span } | null,
  span: Span,
  env: Env,
): CValue {
  if (repeat && isPoison(repeat.count)) return POISON;
  const times = repeat && {
    count: repeatCount(repeat.count, repeat.span, env),
    variable: repeat.variable?.text ?? null,
    shared: repeat.shared,
  };
  const target = { kind: "block", body, scope: env.scope, spaces: env.spaces, repeat: times, span } as const;
  return { kind: "callable", target, given: new Map() };
}

const MAX_REPEAT = 1000;

function repeatCount(count: CValue, span: Span, env: Env): number {
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0) {
    throw env.ctx.failure(
      errors.wrongValue(
        { what: "the count of `repeat`", expected: "a whole number of at least 0", found: show(count) },
        span,
      ),
    );
  }
  if (count > MAX_REPEAT) throw env.ctx.failure(errors.repeatLimit({ count, limit: MAX_REPEAT }, span));
  return count;
}
