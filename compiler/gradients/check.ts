/**
 * `mlc check --grad`: the gradients that the compiler derives against finite differences, in float64: of every definition of
 * the user's, at the shapes and operands with which the model applies it, and of the model's loss. The loss is taken as it is
 * differentiated, with what stands behind `stop_gradient` held; a definition must have the gradient of its value.
 */
import { type Elaborated, elaborate } from "../2-elaborate/elaborate.ts";
import { type CompileOptions, parseSource } from "../compile.ts";
import type { Diagnostic, Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { topological, type Value } from "../ir/graph.ts";
import { concrete, elements, stridesOf } from "../ops/tensor.ts";
import { type Comparison, compareVariables } from "./differences.ts";
import { freeze } from "./frozen.ts";
import { Draw, Points } from "./points.ts";
import { type Skipped, type Subject, subjectsOf, type Variable } from "./subjects.ts";
import { type Load, Surface } from "./surface.ts";

export interface VariableCheck {
  readonly name: string;
  /** Elements compared, and those left out because a kink is too near. */
  readonly compared: number;
  readonly kinks: number;
  /** Where the two are furthest apart: along a direction, or at an element. */
  readonly worst: (Omit<Comparison, "elements"> & { readonly at: Element | null }) | null;
}

export interface Element {
  readonly name: string;
  readonly index: readonly number[];
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

export interface GradientOptions extends CompileOptions {
  readonly load: Load;
  /** Sees how far it has come, from 0 to 1, and what is looked at. */
  readonly progress?: (fraction: number, name: string) => void;
}

/** Points that are tried until the values are finite and away from kinks. */
const POINTS = 3;
/** Variables that have a row of their own, where there are more. */
const ROWS = 4;

export async function checkGradients(source: string, options: GradientOptions): Promise<GradientReport> {
  const tree = parseSource(source, options);
  const model = elaborate(tree, { overrides: options.overrides, batch: options.batch });
  const { checked, skipped } = subjectsOf(model, tree);
  const points = new Points(model, checked);
  const checks: GradientCheck[] = [];
  const failed: (Skipped & { span: Span | null })[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [i, subject] of checked.entries()) {
    const { name, sort, span, call } = subject;
    options.progress?.(i / checked.length, name);
    if (subject.variables.length === 0) {
      const [first] = subject.skipped;
      const reason = first ? `${first.name}: ${first.reason}` : "it is given nothing that has a gradient";
      failed.push({ name, reason, span });
      continue;
    }
    const variables = await compareAll(subject, model, points, options.load);
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

/** null where no point has finite values. */
async function compareAll(
  subject: Subject,
  { builder }: Elaborated,
  points: Points,
  load: Load,
): Promise<readonly VariableCheck[] | null> {
  let checks: readonly VariableCheck[] | null = null;
  for (let seed = 1; seed <= POINTS; seed++) {
    const surface = await Surface.of(freeze(subject, points.of(subject, seed), builder), builder, load);
    const finite = surface.variables.every(({ gradient }) => gradient.every(Number.isFinite));
    if (!Number.isFinite(surface.value) || !finite) continue;
    const draw = new Draw(seed + 2);
    checks = rowsOf(subject).map((row) => {
      const of = row.map((variable) => surface.variables[subject.variables.indexOf(variable)]);
      return checkOf(row, compareVariables(surface, of, draw), points.samples);
    });
    if (checks.every(({ compared }) => compared > 0)) break;
  }
  return checks;
}

/** Each variable by itself; of many parameters a sample, and all others together. */
function rowsOf({ variables }: Subject): readonly (readonly Variable[])[] {
  const stride = Math.max(1, variables.length / ROWS);
  const isSampled = (i: number) => i === 0 || Math.floor(i / stride) !== Math.floor((i - 1) / stride);
  const others = variables.filter((_, i) => !isSampled(i));
  const sampled = variables.filter((_, i) => isSampled(i)).map((variable) => [variable]);
  return others.length === 0 ? sampled : [...sampled, others];
}

function checkOf(variables: readonly Variable[], all: readonly Comparison[], samples: number): VariableCheck {
  const counted = (found: readonly Comparison[]) => found.reduce((sum, { elements }) => sum + elements.length, 0);
  const compared = all.filter(({ verdict }) => verdict !== "kink");
  const error = (c: Comparison) => (c.verdict === "differs" ? 1e300 : 1) * Math.abs(c.difference - c.gradient);
  const worst = compared.reduce<Comparison | null>((a, c) => (a && error(a) >= error(c) ? a : c), null);
  const [{ name }] = variables;
  return {
    name: variables.length === 1 ? name : `${variables.length} others`,
    compared: counted(compared),
    kinks: counted(all) - counted(compared),
    worst: worst && {
      verdict: worst.verdict,
      difference: worst.difference,
      gradient: worst.gradient,
      at: worst.elements.length === 1 ? elementOf(variables, worst.elements[0], samples) : null,
    },
  };
}

/** Which element it is of these variables one behind the other. */
function elementOf([{ name, leaf }, ...rest]: readonly Variable[], element: number, samples: number): Element {
  const shape = concrete(leaf.type.shape, samples);
  const size = elements(shape);
  if (element >= size) return elementOf(rest, element - size, samples);
  const strides = stridesOf(shape);
  return { name, index: shape.map((length, axis) => Math.floor(element / strides[axis]) % length) };
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
    variable: worst.at ? elementText(worst.at) : `${variable.name} along a random direction`,
    gradient: figure(worst.gradient),
    difference: figure(worst.difference),
  };
  return [errors.gradientDiffers(params, span, { notes })];
}

/** `fc.weight[0, 3]` */
export const elementText = ({ name, index }: Element): string =>
  index.length === 0 ? name : `${name}[${index.join(", ")}]`;

/** Six digits. */
export const figure = (value: number): string => String(Number(value.toPrecision(6)));
