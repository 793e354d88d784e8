/**
 * `mlc check --grad`: the gradients that the compiler derives against finite differences, in float64: of every definition of
 * the user's, at the shapes and operands with which the model applies it, and of the model's loss. The loss is taken as it is
 * differentiated, with what stands behind `stop_gradient` held; a definition must have the gradient of its value.
 */
import { elaborate } from "../2-elaborate/elaborate.ts";
import { differentiate } from "../3-passes/differentiate.ts";
import { simplify } from "../3-passes/simplify.ts";
import { type CompileOptions, parseSource } from "../compile.ts";
import type { Diagnostic, Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { Builder } from "../ir/builder.ts";
import { type Module, type Shape, topological, type Value } from "../ir/graph.ts";
import { type InterpretEnv, interpret } from "../ir/interpret.ts";
import type { Tensor } from "../ops/op.ts";
import { concrete, stridesOf } from "../ops/tensor.ts";
import { type Comparison, compareElement, Surface } from "./differences.ts";
import { Draw, modelPoint, subjectPoint } from "./points.ts";
import { type Skipped, type Subject, subjectsOf, type Variable } from "./subjects.ts";

export interface VariableCheck {
  readonly name: string;
  /** Elements compared, and those left out because a kink is too near. */
  readonly compared: number;
  readonly kinks: number;
  /** Where the two are furthest apart. */
  readonly worst: (Comparison & { readonly index: readonly number[] }) | null;
}

export interface GradientCheck {
  readonly name: string;
  readonly sort: string;
  readonly span: Span | null;
  readonly call: Span | null;
  readonly variables: readonly VariableCheck[];
  readonly skipped: readonly Skipped[];
  /** Whether it draws random numbers: they stay the same while the differences are taken. */
  readonly random: boolean;
}

export interface GradientReport {
  readonly checks: readonly GradientCheck[];
  /** Definitions that could not be checked. */
  readonly skipped: readonly (Skipped & { readonly span: Span | null })[];
  /** An error for each gradient that differs. */
  readonly diagnostics: readonly Diagnostic[];
  /** Of the compiler. */
  readonly warnings: readonly Diagnostic[];
}

/** Points that are tried until the values are finite and away from kinks. */
const POINTS = 3;
/** Elements compared of each operand or parameter, and of all of them together. */
const ELEMENTS = 6;
const ALL_ELEMENTS = 24;

export function checkGradients(source: string, options: CompileOptions = {}): GradientReport {
  const tree = parseSource(source, options);
  const model = elaborate(tree, { overrides: options.overrides, batch: options.batch });
  const { checked, skipped } = subjectsOf(model, tree);
  const checks: GradientCheck[] = [];
  const failed: (Skipped & { span: Span | null })[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const subject of checked) {
    const gradients = gradientsOf(subject, model.module, model.builder);
    const variables = compareAll(subject, gradients, (seed) => subjectPoint(subject, modelPoint(model, seed), seed));
    const { name, sort, span, call } = subject;
    if (variables === null) {
      failed.push({ name, reason: "its value or its gradient is not finite at made-up operands", span });
      continue;
    }
    const random = topological([subject.objective]).some(({ op }) => op === "random_uniform");
    checks.push({ name, sort, span, call, variables, skipped: subject.skipped, random });
    diagnostics.push(...variables.flatMap((variable) => mismatch(subject, variable)));
  }
  return { checks, skipped: [...skipped, ...failed], diagnostics, warnings: model.warnings };
}

/** The program of the symbolic gradients, by the passes that a model goes through. */
function gradientsOf({ objective, variables }: Subject, module: Module, b: Builder): Module {
  const results = variables.map(({ leaf }, i) => ({ name: String(i), value: b.op("grad", [objective, leaf]) }));
  const program = { name: "gradients", results, updates: [] };
  return simplify(differentiate(simplify({ ...module, programs: [program] }, b), b), b);
}

/** null where no point has finite values. */
function compareAll(
  subject: Subject,
  gradients: Module,
  pointOf: (seed: number) => InterpretEnv,
): readonly VariableCheck[] | null {
  let checks: readonly VariableCheck[] | null = null;
  for (let seed = 1; seed <= POINTS; seed++) {
    const point = pointOf(seed);
    const surface = new Surface(subject.objective, point, subject.call === null);
    const { results } = interpret(gradients.programs[0], point);
    const finite = [...results.values()].every(({ data }) => data.every(Number.isFinite));
    if (!Number.isFinite(surface.value) || !finite) continue;
    checks = chosen(subject).map(([variable, count]) =>
      compareVariable(surface, variable, results.get(String(subject.variables.indexOf(variable)))!, count, seed),
    );
    if (checks.every(({ compared }) => compared > 0)) break;
  }
  return checks;
}

/** The variables to compare, with the number of elements of each; of many parameters a sample. */
function chosen({ variables }: Subject): (readonly [Variable, number])[] {
  const stride = Math.max(1, variables.length / ALL_ELEMENTS);
  const sample = variables.filter((_, i) => i === 0 || Math.floor(i / stride) !== Math.floor((i - 1) / stride));
  const count = Math.min(ELEMENTS, Math.floor(ALL_ELEMENTS / sample.length));
  return sample.map((variable) => [variable, Math.max(1, count)]);
}

function compareVariable(
  surface: Surface,
  { name, leaf }: Variable,
  gradient: Tensor,
  count: number,
  seed: number,
): VariableCheck {
  const all = sample(surface.contents(leaf).data, count, new Draw(seed + 2)).map((element) => ({
    ...compareElement(surface, leaf, element, gradient.data[element]),
    index: indexOf(element, concrete(leaf.type.shape as Shape, gradient.shape[leaf.type.shape.indexOf("n")] ?? 1)),
  }));
  const compared = all.filter(({ verdict }) => verdict !== "kink");
  const error = (c: Comparison) => (c.verdict === "differs" ? 1e300 : 1) * Math.abs(c.difference - c.gradient);
  const worst = compared.reduce<(typeof all)[number] | null>((a, c) => (a && error(a) >= error(c) ? a : c), null);
  return { name, compared: compared.length, kinks: all.length - compared.length, worst };
}

/** So many elements, zeros only if there is nothing else: relu and dropout leave many, where much has no effect. */
function sample(data: Float64Array, count: number, draw: Draw): readonly number[] {
  const { length } = data;
  const drawn = Array.from({ length: Math.min(length, 8 * count) }, (_, i) =>
    length <= 8 * count ? i : Math.floor(draw.uniform() * length),
  );
  const distinct = [...new Set(drawn)];
  return [...distinct.filter((i) => data[i] !== 0), ...distinct.filter((i) => data[i] === 0)].slice(0, count);
}

function indexOf(element: number, shape: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return shape.map((size, axis) => Math.floor(element / strides[axis]) % size);
}

function mismatch({ name, sort, span, call, objective }: Subject, variable: VariableCheck): Diagnostic[] {
  const { worst } = variable;
  if (worst?.verdict !== "differs") return [];
  const stops = call === null ? [] : topological([objective]).filter(({ op }) => op === "stop_gradient");
  const notes = [
    ...stops.slice(0, 3).map((stop: Value) => ({ message: "`stop_gradient` leaves a part out", span: stop.span })),
    ...(call === null ? [] : [{ message: "applied here", span: call }]),
  ];
  const params = {
    what: sort === "model" ? "the loss" : `\`${name}\``,
    variable: `${variable.name}${worst.index.length === 0 ? "" : `[${worst.index.join(", ")}]`}`,
    gradient: figure(worst.gradient),
    difference: figure(worst.difference),
  };
  return [errors.gradientDiffers(params, span, { notes })];
}

/** Six digits. */
export const figure = (value: number): string => String(Number(value.toPrecision(6)));
