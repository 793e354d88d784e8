/** What a callable takes. */
import type { Definition, DefinitionSort } from "../1-parse/syntax.ts";
import type { Diagnostic, Span } from "../diagnostics.ts";
import { isTypeName } from "./types.ts";
import { type Callable, nameOf, show } from "./values.ts";

export interface Param {
  readonly name: string;
  readonly types: readonly string[];
  /** Words that the argument may be, written without quotes. */
  readonly words: readonly string[];
  readonly required: boolean;
  /** Given by its name alone. */
  readonly onlyNamed?: boolean;
}

/** How the tensor that is worked on comes in: as `in` of a layer or block, as the first parameter of a function, or not at all. */
export type Flow = "implicit" | "first" | "none";

const REDUCTION: Param = { name: "reduction", types: [], words: ["mean", "sum", "none"], required: false };

const REQUIRES_GRAD: Param = {
  name: "requires_grad",
  types: ["bool"],
  words: [],
  required: false,
  onlyNamed: true,
};

export function signature({ target }: Callable): { readonly params: readonly Param[]; readonly flow: Flow } {
  if (target.kind === "block") return { params: [], flow: "implicit" };
  if (target.kind === "builtin") {
    const params = target.builtin.params.map((p) => ({
      name: p.name,
      ...split(p.types),
      required: p.default === undefined,
    }));
    return { params, flow: params[0]?.required ? "first" : "none" };
  }
  const { sort, params: declared } = target.definition;
  // `in` is what a layer works on.
  const params = declared
    .filter((p) => p.name.text !== "in")
    .map((p) => ({
      name: p.name.text,
      ...split(p.types.map((t) => t.text)),
      required: p.default === null,
    }));
  const common = takesReduction(target.definition)
    ? [REDUCTION]
    : takesRequiresGrad(target.definition)
      ? [REQUIRES_GRAD]
      : [];
  return { params: [...params, ...common], flow: flowOf(sort, params) };
}

/** A layer takes `requires_grad` without saying so: false freezes its parameters, and those of the layers in it. */
export function takesRequiresGrad({ sort, params }: Definition): boolean {
  return sort === "layer" && !params.some((p) => p.name.text === REQUIRES_GRAD.name);
}

/** A loss takes `reduction` without saying so; one that declares it reduces its value itself. */
export function takesReduction({ sort, params }: Definition): boolean {
  return sort === "loss" && !params.some((p) => p.name.text === REDUCTION.name);
}

function flowOf(sort: DefinitionSort, params: readonly Param[]): Flow {
  if (sort === "layer") return "implicit";
  return sort === "fn" && params[0]?.required ? "first" : "none";
}

function split(names: readonly string[]): Pick<Param, "types" | "words"> {
  return { types: names.filter(isTypeName), words: names.filter((n) => !isTypeName(n)) };
}

/** `conv2d(out_channels, kernel, stride = 1)`, as a note with the place of the definition. */
export function signatureNote(callee: Callable): Diagnostic["notes"] {
  const { target } = callee;
  if (target.kind === "block") return [];
  const span: Span | null = target.kind === "definition" ? target.definition.name.span : null;
  return [{ message: `it is ${signatureText(callee)}`, span }];
}

export function signatureText(callee: Callable): string {
  const { target } = callee;
  if (target.kind === "block") return nameOf(callee);
  const source = (e: { readonly span: Span }): string => e.span.file.text.slice(e.span.start, e.span.end);
  const parts =
    target.kind === "builtin"
      ? target.builtin.params.map((p) => (p.default === undefined ? p.name : `${p.name} = ${show(p.default)}`))
      : target.definition.params.map((p) => {
          const type = p.types.find(({ axes }) => axes !== null);
          const name = type ? `${p.name.text}: ${source(type)}` : p.name.text;
          return p.default ? `${name} = ${source(p.default)}` : name;
        });
  const reduction = target.kind === "definition" && takesReduction(target.definition) ? ["reduction = mean"] : [];
  return `${nameOf(callee)}(${[...parts, ...reduction].join(", ")})`;
}
