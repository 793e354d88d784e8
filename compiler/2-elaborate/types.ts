/** Types of parameters: what an argument may be. */
import { DISTRIBUTIONS } from "./builtins/index.ts";
import type { Param } from "./signatures.ts";
import { type Callable, type CValue, isCallable, isDistribution, isList, isTensor } from "./values.ts";

const TYPES: Readonly<Record<string, { readonly text: string; readonly test: (v: CValue) => boolean }>> = {
  size: { text: "a whole number of at least 1", test: (v) => Number.isInteger(v) && (v as number) >= 1 },
  count: { text: "a whole number of at least 0", test: (v) => Number.isInteger(v) && (v as number) >= 0 },
  int: { text: "a whole number", test: (v) => Number.isInteger(v) },
  number: { text: "a number", test: (v) => typeof v === "number" },
  scalar: {
    text: "a number, or one that is known at run time",
    test: (v) => typeof v === "number" || (isTensor(v) && v.value.type.shape.length === 0),
  },
  bool: { text: "true or false", test: (v) => typeof v === "boolean" },
  list: { text: "a list", test: isList },
  tensor: { text: "a tensor", test: isTensor },
  f32: { text: "a tensor of numbers", test: (v) => isTensor(v) && v.value.type.dtype === "f32" },
  i32: { text: "a tensor of integers", test: (v) => isTensor(v) && v.value.type.dtype === "i32" },
  init: {
    text: "an initialiser, such as `normal(std = 0.02)`, or a number",
    test: (v) => typeof v === "number" || isDistribution(v) || isInitialiser(v),
  },
  function: { text: "a function", test: isCallable },
};

/** An initialiser that lacks arguments, or the parameter that it is for. */
export function isInitialiser(v: CValue): v is Callable {
  if (!isCallable(v) || v.target.kind === "block") return false;
  return v.target.kind === "builtin" ? DISTRIBUTIONS.includes(v.target.builtin) : v.target.definition.sort === "init";
}

const NUMBERS: readonly string[] = ["size", "count", "int", "number", "scalar"];

export const TYPE_NAMES: readonly string[] = Object.keys(TYPES);
/** Those that may have axes. */
export const TENSOR_TYPES: readonly string[] = ["tensor", "f32", "i32"];
export const isTensorType = (name: string): boolean => TENSOR_TYPES.includes(name);
export const isTypeName = (name: string): boolean => Object.hasOwn(TYPES, name);

/** No types: anything fits. */
export function fits(value: CValue, param: Param): boolean {
  if (param.types.length === 0 && param.words.length === 0) return true;
  if (typeof value === "string") return param.words.includes(value);
  if (isList(value)) return param.types.includes("list") && elementsFit(value, param);
  return param.types.some((t) => TYPES[t].test(value));
}

/** Where one number would do, those of a list are such numbers: `kernel: size | list`. */
function elementsFit(list: readonly CValue[], { types }: Param): boolean {
  const kinds = types.filter((t) => NUMBERS.includes(t));
  return kinds.length === 0 || list.every((v) => typeof v !== "number" || kinds.some((kind) => TYPES[kind].test(v)));
}

/** `a whole number of at least 1, a list, same or valid` */
export function expectedTypes(param: Param): string {
  const ofNumbers = param.types.some((t) => NUMBERS.includes(t));
  const text = (type: string): string => (type === "list" && ofNumbers ? "a list of such numbers" : TYPES[type].text);
  const texts = [...param.types.map(text), ...param.words.map((w) => `\`${w}\``)];
  return texts.length < 2 ? (texts[0] ?? "a value") : `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`;
}
