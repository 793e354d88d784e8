/** `input` and `target` clauses: what the caller fills before a call. */
import type { ManifestData } from "../../runtime/abi.ts";
import type { InputClause } from "../1-parse/syntax.ts";
import * as errors from "../errors.ts";
import type { DType, InputDecl, Value } from "../ir/graph.ts";
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

/**
 * A batch of it. Inputs of floats may be given as bytes: then each is multiplied by `data`'s `scale`, or divided by 255. Which of
 * the two the caller has given, the host knows.
 */
export function inputValue(
  { name, role, dtype, shape, span }: InputDecl,
  data: ManifestData | null,
  ctx: Context,
): Value {
  const { b } = ctx;
  b.span = span;
  const leaf = (form: string, type: DType) => b.op("input", [], { name: form, dtype: type, shape: ["n", ...shape] });
  const given = leaf(name, dtype);
  if (role !== "input" || dtype !== "f32") return given;
  const bytes = b.cast(leaf(`${name}.bytes`, "u8"), "f32");
  const scale = data?.args.scale;
  const scaled = typeof scale === "number" ? b.mul(bytes, scale) : b.div(bytes, 255);
  return b.where(b.binary("ne", b.op("host", [], { name: `${name}.bytes` }), 0), scaled, given);
}
