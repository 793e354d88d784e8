/** `input` and `target` clauses: what the caller fills before a call. */
import type { InputClause } from "../1-parse/syntax.ts";
import * as errors from "../errors.ts";
import type { Dim, InputDecl, Value } from "../ir/graph.ts";
import { sizeOf } from "../ir/graph.ts";
import type { Context, Env } from "./context.ts";
import { evaluate, MAX_ELEMENTS } from "./evaluate.ts";
import { guarded } from "./failure.ts";
import { isPoison, show } from "./values.ts";

/** The declaration; null where it is at fault, which is reported. */
export function declareInput(clause: InputClause, env: Env): InputDecl | null {
  return guarded(env.ctx.diagnostics, () => inputOf(clause, env)) ?? null;
}

function inputOf(clause: InputClause, env: Env): InputDecl | null {
  const { ctx } = env;
  const { kind: role, name, type, span } = clause;
  if (RESERVED.includes(name.text)) {
    throw ctx.failure(errors.reservedName({ name: name.text, kind: "an input or target" }, name.span));
  }
  const sizes: number[] = [];
  for (const expr of clause.shape) {
    const size = evaluate(expr, env);
    if (isPoison(size)) return null;
    if (typeof size !== "number" || !Number.isInteger(size) || size < 1) {
      throw ctx.failure(errors.badSize({ what: `a size of \`${name.text}\``, size: show(size) }, expr.span));
    }
    sizes.push(size);
  }
  const base = { name: name.text, role, span: name.span };
  const isClass = type.text === "class";
  if (isClass && (sizes.length === 0 || sizes[0] > MAX_CLASSES)) {
    const expected = `class[k] with k from 1 to ${MAX_CLASSES}, or class[k, sizes]`;
    const params = { name: name.text, expected, found: `class[${sizes.join(", ")}]` };
    throw ctx.failure(errors.badSetting(params, span));
  }
  const shape = isClass ? sizes.slice(1) : sizes;
  const dtype = isClass ? "i32" : type.text;
  if (dtype !== "f32" && dtype !== "i32") throw ctx.failure(errors.unknownType({ name: dtype }, type.span));
  const elements = sizeOf(shape, ctx.batch);
  if (elements > MAX_ELEMENTS) {
    const what = `the ${role} \`${name.text}\` of ${ctx.batch} samples`;
    throw ctx.failure(errors.tooLarge({ what, elements, limit: MAX_ELEMENTS }, span));
  }
  return { ...base, dtype, shape, ...(isClass && { classes: sizes[0] }) };
}

/** What the names mean in a net or in a `loss`. */
const RESERVED: readonly string[] = ["in", "net", "n", "training", "loss"];
const MAX_CLASSES = 1_000_000;

/** The leaf of a batch of it. */
export function inputValue(decl: InputDecl, ctx: Context): Value {
  ctx.b.span = decl.span;
  const shape: Dim[] = ["n", ...decl.shape];
  return ctx.b.op("input", [], { name: decl.name, dtype: decl.dtype, shape });
}
