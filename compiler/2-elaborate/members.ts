/** `in.channels`, `in.shape`, …: what is known of a tensor at compile time. */
import type { Name } from "../1-parse/syntax.ts";
import * as errors from "../errors.ts";
import type { Dim } from "../ir/graph.ts";
import { type Context, didYouMean } from "./context.ts";
import type { Sharing } from "./sharing.ts";
import {
  axisNames,
  type CValue,
  isCallable,
  isOutputs,
  isParameters,
  isPoison,
  isTensor,
  type Outputs,
  POISON,
  show,
  showType,
  type Tensor,
  tensor,
} from "./values.ts";

export function member(target: CValue, name: Name, ctx: Context): CValue {
  if (isPoison(target)) return POISON;
  if (isParameters(target)) return parameter(target.sharing, target.prefix, name, ctx);
  if (isCallable(target) && target.sharing) return parameter(target.sharing, "", name, ctx);
  if (isOutputs(target)) return outputOf(target, name, ctx);
  if (!isTensor(target)) {
    throw ctx.failure(errors.unknownMember({ member: name.text, found: show(target), known: "none" }, name.span));
  }
  const members = membersOf(target, ctx);
  const value = members.get(name.text);
  if (value !== undefined) return value;
  const known = [...members.keys()];
  const found = showType(target.value.type);
  const flat = name.text === "features" && members.has("channels");
  const isParameter = ctx.tensors.all.some((tensor) => tensor.name.endsWith(`.${name.text}`));
  const help = flat
    ? { help: "put `flatten` before this step" }
    : isParameter
      ? {
          help: "a label names a step's value; the parameters of a layer are members of what `share name = layer` makes",
        }
      : didYouMean(name.text, known);
  throw ctx.failure(errors.unknownMember({ member: name.text, found, known: known.join(", ") }, name.span, help));
}

/** `net.boxes`; what is no output's name is looked for in the main output. */
function outputOf({ named, main }: Outputs, name: Name, ctx: Context): CValue {
  const found = named.get(name.text);
  if (found !== undefined) return found;
  const ofMain = main !== null && isTensor(main) ? membersOf(main, ctx).get(name.text) : undefined;
  if (ofMain !== undefined) return ofMain;
  const known = [...named.keys()];
  const help = didYouMean(name.text, known);
  throw ctx.failure(
    errors.unknownMember({ member: name.text, found: "the net", known: known.join(", ") }, name.span, help),
  );
}

/** `table.weight`, `tower.conv1.weight`: of what a shared layer's applications so far have declared. */
function parameter(sharing: Sharing, prefix: string, name: Name, ctx: Context): CValue {
  const { members } = sharing;
  const full = `${prefix}${name.text}`;
  const found = members.get(full);
  if (found) return found;
  const names = [...members.keys()];
  if (names.some((known) => known.startsWith(`${full}.`))) return { kind: "parameters", sharing, prefix: `${full}.` };
  const known = names.filter((known) => known.startsWith(prefix)).map((known) => known.slice(prefix.length));
  const help =
    names.length === 0
      ? { help: `apply \`${sharing.name}\` to something first: then its parameters are known` }
      : didYouMean(name.text, [...known, ...known.map((path) => path.split(".")[0])]);
  const what = `the shared layer \`${sharing.name}\``;
  const list = known.join(", ") || "no parameters yet";
  throw ctx.failure(errors.unknownMember({ member: name.text, found: what, known: list }, name.span, help));
}

function membersOf({ value }: Tensor, ctx: Context): Map<string, CValue> {
  const { shape } = value.type;
  const dim = (d: Dim): CValue => (d === "n" ? tensor(ctx.b.host("n")) : d);
  const fixed = shape.filter((d) => d !== "n");
  const members = new Map<string, CValue>([
    ["shape", shape.map(dim)],
    ["rank", shape.length],
    ["dtype", value.type.dtype],
    // Elements of one sample.
    ["size", fixed.reduce((size, d) => size * d, 1)],
  ]);
  // 0: not known.
  if (value.type.dtype === "i32") members.set("classes", ctx.classes.get(String(value.attrs.name)) ?? 0);
  axisNames(value.type)?.forEach((axis, i) => {
    if (axis !== "n") members.set(axis, dim(shape[i]));
  });
  return members;
}
