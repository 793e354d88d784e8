/**
 * Shapes of parameters with named axes: `loss apart(a: f32[n, k], b: f32[n, k])`. A name stands for one size in all
 * parameters of a definition, and in its body; a parameter's own name for the number that it is.
 */
import type { Axis, Definition, Expr, ParameterType } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { Dim } from "../ir/graph.ts";
import type { Env } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import type { Scope } from "./scope.ts";
import { type CValue, isTensor, show, type Tensor, tensor } from "./values.ts";

/** What a shape type is written of: the samples' axis, and one whose size does not matter. */
const SAMPLES = "n";
const ANY = "_";

/** A tensor that a size was seen in. */
interface Seen {
  readonly size: Dim;
  /** `pred` */
  readonly place: string;
  /** `pred` is f32[n, 10 features] */
  readonly text: string;
  readonly span: Span | null;
}

/** Checks arguments, and the input of a layer, against their shape types; names axes in `scope`. */
export function unifyAxes(definition: Definition, input: CValue | null, scope: Scope, env: Env, span: Span): void {
  const unifier = new Unifier(definition, scope, env, span);
  for (const { name, types } of definition.params) {
    const isInput = name.text === "in";
    const type = types.find(({ axes }) => axes !== null) ?? (isInput ? types[0] : undefined);
    const value = isInput ? input : scope.own(name.text);
    if (type && value && isTensor(value)) unifier.parameter(name.text, type, value);
  }
}

class Unifier {
  private readonly seen = new Map<string, Seen>();

  constructor(
    private readonly definition: Definition,
    private readonly scope: Scope,
    private readonly env: Env,
    private readonly span: Span,
  ) {}

  parameter(name: string, type: ParameterType, value: Tensor): void {
    const { axes } = type;
    const { shape, dtype } = value.value.type;
    if (type.text !== "tensor" && type.text !== dtype) this.mismatch(name, type, value, `its elements are ${dtype}`);
    if (axes === null) return;
    const rest = axes.findIndex((axis) => axis.kind === "rest");
    const fits = rest === -1 ? shape.length === axes.length : shape.length >= axes.length - 1;
    if (!fits) {
      const ranks = `${shape.length} ${shape.length === 1 ? "axis" : "axes"}`;
      this.mismatch(
        name,
        type,
        value,
        `it has ${ranks}, not ${rest === -1 ? "" : "at least "}${axes.length - (rest === -1 ? 0 : 1)}`,
      );
    }
    axes.forEach((axis, i) => {
      if (axis.kind === "rest") return;
      const at = rest !== -1 && i > rest ? shape.length - axes.length + i : i;
      this.axis(axis, shape[at], at, name, type, value);
    });
  }

  private axis(axis: Expr, size: Dim, at: number, name: string, type: ParameterType, value: Tensor): void {
    if (axis.kind === "name" && axis.name === ANY) return;
    if (axis.kind === "name" && axis.name === SAMPLES && this.scope.own(SAMPLES) === undefined) {
      if (size !== "n") this.mismatch(name, type, value, `axis ${at} is ${size}, not that of the samples`);
      return;
    }
    if (axis.kind === "name") return this.named(axis, size, name, value);
    const wanted = evaluate(axis, { ...this.env, scope: this.scope, path: null });
    if (wanted !== size && !isSamples(wanted, size)) {
      const { file, start, end } = axis.span;
      const isLiteral = axis.kind === "number" || axis.kind === "string";
      const text = isLiteral ? show(wanted) : `${file.text.slice(start, end)} = ${show(wanted)}`;
      this.mismatch(name, type, value, `axis ${at} is ${size}, not ${text}`);
    }
  }

  private named(axis: Extract<Expr, { kind: "name" }>, size: Dim, name: string, value: Tensor): void {
    const place = this.place(name);
    const seen: Seen = { size, place, text: `${place} is ${show(value)}`, span: value.value.span };
    const before = this.seen.get(axis.name) ?? this.given(axis);
    if (before === undefined) {
      this.seen.set(axis.name, seen);
      this.scope.set(axis.name, size === "n" ? tensor(this.env.ctx.b.host("n")) : size);
    } else if (before.size !== size) {
      const notes = [before, seen].map(({ text, span }) => ({ message: text, span }));
      const params = {
        axis: axis.name,
        callee: this.definition.name.text,
        first: `${before.size} in ${before.place}`,
        second: `${size} in ${place}`,
      };
      throw this.env.ctx.failure(errors.axesDiffer(params, this.span, { notes: [...notes, this.signature] }));
    }
  }

  /** The size that a parameter gives. */
  private given({ name, span }: Extract<Expr, { kind: "name" }>): Seen | undefined {
    if (!this.definition.params.some((param) => param.name.text === name)) return undefined;
    const value = this.scope.own(name)!;
    if (typeof value === "number")
      return {
        size: value,
        place: `the argument \`${name}\``,
        text: `the argument \`${name}\` is ${value}`,
        span: null,
      };
    const params = {
      what: `the parameter \`${name}\`, which stands for a size,`,
      expected: "a number",
      found: show(value),
    };
    throw this.env.ctx.failure(errors.wrongValue(params, span));
  }

  private mismatch(name: string, type: ParameterType, value: Tensor, detail: string): never {
    const { file, start, end } = type.span;
    const params = {
      what: `${this.place(name)} of \`${this.definition.name.text}\``,
      expected: file.text.slice(start, end),
      found: show(value),
      detail,
    };
    throw this.env.ctx.failure(errors.shapeType(params, this.span, { notes: [this.signature] }));
  }

  private place(name: string): string {
    return name === "in" ? "the input" : `\`${name}\``;
  }

  private get signature() {
    const { name, params } = this.definition;
    const text = params.map(({ span }) => span.file.text.slice(span.start, span.end)).join(", ");
    return { message: `it is ${name.text}(${text})`, span: name.span };
  }
}

const isSamples = (wanted: CValue, size: Dim): boolean =>
  size === "n" && isTensor(wanted) && wanted.value.op === "host" && wanted.value.attrs.name === "n";

/** The names that the axes of a type give to sizes. */
export function axisNamesOf(axes: readonly Axis[]): string[] {
  const names = axes.flatMap((axis) => (axis.kind === "name" ? [axis.name] : []));
  return names.filter((name) => name !== SAMPLES && name !== ANY);
}
