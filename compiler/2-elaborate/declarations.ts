/** `param`, `buffer` and `update`: tensors that live between calls. */
import type { BufferStatement, Expr, ParamStatement, Statement } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { type Init, sameShape, sizeOf, type Value } from "../ir/graph.ts";
import { toValue } from "./arithmetic.ts";
import type { Context, Env } from "./context.ts";
import { evaluate, MAX_ELEMENTS, operation } from "./evaluate.ts";
import { initOf } from "./inits.ts";
import { type CValue, isList, isPoison, isTensor, POISON, show, type Tensor, tensor } from "./values.ts";

export function declareParam(statement: ParamStatement, env: Env): CValue {
  const { name, init } = statement;
  return declare(statement, env, "param", (shape) => {
    const chosen = env.inits?.take(name.text, shape, env);
    return chosen === undefined ? initOf(init, shape, env) : chosen;
  });
}

export function declareBuffer(statement: BufferStatement, env: Env): CValue {
  let measured: Value | null = null;
  const buffer = declare(statement, env, "buffer", (shape) => {
    const value = evaluate(statement.value, env);
    if (isPoison(value)) return null;
    if (typeof value === "number") return { kind: "constant", value };
    if (isTensor(value) && sameShape(value.value.type.shape, shape)) {
      measured = value.value;
      return { kind: "constant", value: 0 };
    }
    const what = `the initial value of \`${statement.name.text}\``;
    const expected = `a number, or a tensor [${shape.join(", ")}]`;
    throw env.ctx.failure(errors.wrongValue({ what, expected, found: show(value) }, statement.value.span));
  });
  const name = isTensor(buffer) ? buffer.stored : undefined;
  // Where a shared layer is applied first.
  if (measured && name !== undefined && !env.ctx.measured.has(name)) env.ctx.measured.set(name, measured);
  return buffer;
}

function declare(
  statement: ParamStatement | BufferStatement,
  env: Env,
  kind: "param" | "buffer",
  init: (shape: readonly number[]) => Init | null,
): CValue {
  const { ctx, path } = env;
  const { name, condition, otherwise, span } = statement;
  if (condition !== null) {
    const wanted = evaluate(condition, env);
    if (isPoison(wanted)) return POISON;
    if (typeof wanted !== "boolean")
      throw ctx.failure(errors.notCompileTime({ what: "this condition" }, condition.span));
    if (!wanted) return otherwise === null ? 0 : evaluate(otherwise, env);
  }
  if (path === null || (kind === "param" && path.onlyBuffers))
    throw ctx.failure(errors.parametersOutsideNet({ name: name.text }, span));
  const full = `${path.prefix}${name.text}`;
  const shape = sizesOf(statement.shape, `the ${kind === "param" ? "parameter" : kind} \`${full}\``, span, env);
  if (shape === null) return POISON;
  if (path.isTaken(name.text)) throw ctx.failure(errors.duplicateName({ kind, name: full }, name.span));
  path.claim(name.text);
  const start = init(shape);
  if (start === null) return POISON;
  const decl = { name: full, kind, shape, init: start, span: ctx.userSpan(span) };
  const known = ctx.tensors.declare(kind === "param" && path.isFrozen ? { ...decl, frozen: true } : decl);
  if (known.kind !== kind || !sameShape(known.shape, shape)) {
    const [first, second] = [known, { kind, shape }].map((t) => `${t.kind} [${t.shape.join(", ")}]`);
    const differ = path.sharing?.has(full) ? errors.sharedDiffer : errors.modesDiffer;
    throw ctx.failure(differ({ name: full, first, second }, span));
  }
  const value = operation(span, env, () => currentValue(ctx, kind, full, shape));
  const declared: Tensor = { ...tensor(value), stored: full };
  path.sharing?.add(full, declared);
  return declared;
}

/** What an earlier application of a shared layer has updated is its new value: of a buffer a constant, of a parameter trained as it is. */
function currentValue(
  { b, updates }: Context,
  kind: "param" | "buffer",
  name: string,
  shape: readonly number[],
): Value {
  const updated = updates.get(name);
  const leaf = b.op(kind, [], { name, shape });
  if (!updated) return leaf;
  const constant = (value: Value): Value => b.op("stop_gradient", [value]);
  return kind === "buffer" ? constant(updated.value) : b.add(leaf, constant(b.sub(updated.value, leaf)));
}

/** The sizes of a tensor that lives between calls; null if the error is known. */
export function sizesOf(exprs: readonly Expr[], what: string, span: Span, env: Env): readonly number[] | null {
  const sizes = exprs.map((size) => dimensions(size, env));
  if (sizes.includes(null)) return null;
  const shape = (sizes as number[][]).flat();
  const elements = sizeOf(shape, 1);
  if (elements > MAX_ELEMENTS) {
    const params = { what: `${what} [${shape.join(", ")}]`, elements, limit: MAX_ELEMENTS };
    throw env.ctx.failure(errors.tooLarge(params, span));
  }
  return shape;
}

/** A size of a parameter, or a list of sizes; null if the error is known. */
function dimensions(expr: Expr, env: Env): number[] | null {
  const value = evaluate(expr, env);
  if (isPoison(value)) return null;
  const sizes = isList(value) ? value : [value];
  const wrong = sizes.find((size) => typeof size !== "number" || !Number.isInteger(size) || size < 1);
  if (wrong !== undefined) throw env.ctx.failure(errors.badSize({ what: "a size", size: show(wrong) }, expr.span));
  return sizes as number[];
}

/** The new value of a buffer at the end of a step, or of a parameter from which the optimizer's step starts. */
export function runUpdate(statement: Extract<Statement, { kind: "update" }>, env: Env): void {
  const { ctx } = env;
  const { name, span } = statement;
  const old = env.scope.get(name.text);
  if (old !== undefined && isPoison(old)) return;
  // What is declared under a condition that does not hold is a number: there is nothing to update.
  if (typeof old === "number") return;
  if (!isTensor(old) || old.stored === undefined) {
    throw ctx.failure(errors.notABuffer({ name: name.text }, name.span));
  }
  if (!ctx.training) return;
  const value = evaluate(statement.value, env);
  if (isPoison(value)) return;
  const { shape } = old.value.type;
  const updated = operation(span, env, () => toValue(ctx.b, value as number));
  const whole = updated.type.shape.length === 0 ? ctx.b.broadcast(updated, shape, []) : updated;
  if (!sameShape(whole.type.shape, shape)) {
    const what = `the new value of \`${name.text}\``;
    throw ctx.failure(
      errors.wrongValue({ what, expected: show(old), found: show(tensor(whole)) }, statement.value.span),
    );
  }
  const before = ctx.updates.get(old.stored);
  if (before?.old === old.value) {
    const notes = [{ message: "the first one is here", span: before.span }];
    throw ctx.failure(errors.duplicateName({ kind: "new value of", name: name.text }, span, { notes }));
  }
  ctx.updates.set(old.stored, { old: old.value, value: whole, span });
}
