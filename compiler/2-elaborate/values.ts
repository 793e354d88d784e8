/** What expressions evaluate to at compile time. A tensor is a value of the IR: its contents are known only when it runs. */

import type { Definition, Statement } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import { type Init, type TensorType, topological, type Value } from "../ir/graph.ts";
import type { Builtin } from "./builtins/builtin.ts";
import type { Spaces } from "./namespaces.ts";
import type { Scope } from "./scope.ts";
import type { Sharing } from "./sharing.ts";

export type CValue =
  | number
  | boolean
  | string
  | CList
  | Tensor
  | Callable
  | Parameters
  | Outputs
  | Distribution
  | Poison;
export interface CList extends ReadonlyArray<CValue> {}

export interface Tensor {
  readonly kind: "tensor";
  readonly value: Value;
  /** The full name of the parameter or buffer whose value it is. */
  readonly stored?: string;
}

/** What a net with `output` statements gives: `net.boxes`. */
export interface Outputs {
  readonly kind: "outputs";
  readonly named: ReadonlyMap<string, CValue>;
  /** The value of the net's last step, if that is an output: `net`. */
  readonly main: CValue | null;
}

/** How a parameter starts. */
export interface Distribution {
  readonly kind: "distribution";
  readonly init: Init;
}

/** Stands for a value that could not be made; the error has been reported, and nothing more is said about it. */
export interface Poison {
  readonly kind: "poison";
}
export const POISON: Poison = { kind: "poison" };

/** Something that takes arguments: a definition, a builtin or a block, with the arguments given so far. */
export interface Callable {
  readonly kind: "callable";
  readonly target: Target;
  readonly given: ReadonlyMap<string, CValue>;
  /** Of a layer that has the same parameters wherever it is applied. */
  readonly sharing?: Sharing;
}

/** Parameters of a shared layer whose names begin alike: `tower.conv1` in `tower.conv1.weight`. */
export interface Parameters {
  readonly kind: "parameters";
  readonly sharing: Sharing;
  readonly prefix: string;
}

export type Target =
  | { readonly kind: "definition"; readonly definition: Definition; readonly spaces: Spaces }
  | { readonly kind: "builtin"; readonly builtin: Builtin }
  | {
      readonly kind: "block";
      readonly body: readonly Statement[];
      readonly scope: Scope;
      readonly spaces: Spaces;
      readonly repeat: { readonly count: number; readonly variable: string | null; readonly shared: boolean } | null;
      readonly span: Span;
    };

export type DefinitionTarget = Extract<Target, { kind: "definition" }>;

export const tensor = (value: Value): Tensor => ({ kind: "tensor", value });

type Tagged = Tensor | Callable | Parameters | Outputs | Distribution | Poison;
const hasKind = (v: CValue, kind: Tagged["kind"]): boolean =>
  typeof v === "object" && !Array.isArray(v) && (v as Tagged).kind === kind;
export const isTensor = (v: CValue | undefined): v is Tensor => v !== undefined && hasKind(v, "tensor");
export const isCallable = (v: CValue): v is Callable => hasKind(v, "callable");
export const isDistribution = (v: CValue): v is Distribution => hasKind(v, "distribution");
export const isParameters = (v: CValue): v is Parameters => hasKind(v, "parameters");
export const isOutputs = (v: CValue): v is Outputs => hasKind(v, "outputs");
export const isList = (v: CValue): v is CList => Array.isArray(v);
/** A number made of numbers of the run alone, such as `step` and `epoch`. */
export const isOfTheRun = (value: Value): boolean =>
  value.type.shape.length === 0 &&
  topological([value]).every(({ op, inputs }) => inputs.length > 0 || op === "const" || op === "host");
/** Such a number, if no other number of the run than `n` is in it. */
export const isOfSamples = (value: Value): boolean =>
  topological([value]).every(({ op, attrs }) => op !== "host" || attrs.name === "n");
export const isPoison = (v: CValue): v is Poison => hasKind(v, "poison");

const AXES: Readonly<Record<number, readonly string[]>> = {
  2: ["n", "features"],
  3: ["n", "tokens", "features"],
  4: ["n", "channels", "height", "width"],
};

/** The names of a tensor's axes, where it is a batch of something. */
export function axisNames(type: TensorType): readonly string[] | null {
  return type.shape[0] === "n" ? (AXES[type.shape.length] ?? null) : null;
}

/** `f32[n, 32 channels, 16, 16]` */
export function showType(type: TensorType): string {
  const names = axisNames(type);
  const dims = type.shape.map((dim, axis) => {
    const name = names?.[axis];
    return name === "channels" || name === "features" ? `${dim} ${name}` : String(dim);
  });
  return `${type.dtype}[${dims.join(", ")}]`;
}

/** A value as messages name it. */
export function show(value: CValue): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "string") return `"${value}"`;
  if (isList(value)) {
    const items = value.slice(0, 8).map((v) => (isList(v) ? "[…]" : show(v)));
    return `[${items.join(", ")}${value.length > 8 ? ", …" : ""}]`;
  }
  if (isTensor(value)) return value.value.type.shape.length === 0 ? "a run-time number" : showType(value.value.type);
  if (isDistribution(value)) return "an initialiser";
  if (isOutputs(value)) return "the outputs of the net";
  if (isParameters(value)) return `the parameters \`${value.sharing.name}.${value.prefix.slice(0, -1)}\``;
  if (isCallable(value)) return `the ${sortOf(value)} \`${nameOf(value)}\``;
  return "a value that could not be made";
}

export function nameOf(callable: Callable): string {
  const { target } = callable;
  if (target.kind === "definition") return target.definition.name.text;
  if (target.kind === "builtin") return target.builtin.name;
  return target.repeat ? "repeat" : "{ … }";
}

export function sortOf(callable: Callable): string {
  const { target } = callable;
  if (target.kind === "definition") return target.definition.sort;
  return target.kind === "builtin" ? "fn" : "block";
}
