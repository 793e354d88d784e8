/** Gradients against finite differences along directions. */
import type { Draw } from "./points.ts";
import type { Coordinates, Surface } from "./surface.ts";

export interface Comparison {
  readonly verdict: "agrees" | "differs" | "kink";
  /** Along the direction; of a single element, by itself. */
  readonly difference: number;
  readonly gradient: number;
  /** Elements that the direction moves. */
  readonly elements: readonly number[];
}

const STEPS = [1e-5, 1e-6, 1e-7];
const TOLERANCE = 1e-5;
/** One-sided differences that are further apart have a kink, or a jump, between them. */
const KINK = 1e-3;
/** Rounding errors of the value, relative to it: many operations of 2⁻⁵³ each. */
const ROUNDING = 1e-13;

/**
 * (f(x + h·d) − f(x − h·d)) / 2h against g · d. They agree if they are no further apart than the tolerance and the gap between
 * the one-sided differences, which is h·|f″| where f is smooth. Smaller steps are tried until they do, as long as these tell
 * more: rounding errors grow as the gap becomes smaller. Where the difference to the right is g · d already, the other side is
 * not looked at.
 */
function compareAlong({ surface, variables, gradient }: Space, direction: Float64Array): Comparison {
  const elements = [...direction.keys()].filter((i) => direction[i] !== 0);
  const derivative = elements.reduce((sum, i) => sum + direction[i] * gradient[i], 0);
  let result: Comparison = { verdict: "kink", difference: Number.NaN, gradient: derivative, elements };
  let least = Infinity;
  for (const h of STEPS) {
    const noise = (ROUNDING * (1 + Math.abs(surface.value))) / h;
    const allowed = (difference: number, gap: number): number =>
      TOLERANCE * Math.max(Math.abs(difference), Math.abs(derivative)) + 4 * noise + gap;
    const near = (difference: number, gap: number): boolean =>
      Math.abs(difference - derivative) <= allowed(difference, gap);
    const right = (surface.moved(variables, direction, h) - surface.value) / h;
    if (allowed(right, 0) < least && near(right, 0)) {
      result = { verdict: "agrees", difference: right, gradient: derivative, elements };
      break;
    }
    const left = (surface.value - surface.moved(variables, direction, -h)) / h;
    const difference = (right + left) / 2;
    const gap = Math.abs(right - left);
    if (!(gap <= KINK * Math.max(Math.abs(right), Math.abs(left)) + 4 * noise)) continue;
    if (allowed(difference, gap) >= least) continue;
    least = allowed(difference, gap);
    const verdict = near(difference, gap) ? "agrees" : "differs";
    result = { verdict, difference, gradient: derivative, elements };
    if (verdict === "agrees") break;
  }
  if (elements.length !== 1) return result;
  const [length] = elements.map((i) => direction[i]);
  return { ...result, difference: result.difference / length, gradient: derivative / length };
}

/** Some variables as one vector. */
interface Space {
  readonly surface: Surface;
  readonly variables: readonly Coordinates[];
  readonly gradient: Float64Array;
}

/** Elements looked at one by one where any direction through many meets kinks. */
const SINGLE = 6;

/**
 * Comparisons along random directions through all elements of some variables. Those at 0 are left out as far as there are
 * others: relu and dropout leave many, at kinks. Where the directions meet kinks nevertheless, a part of the elements, then
 * single ones.
 */
export function compareVariables(
  surface: Surface,
  variables: readonly Coordinates[],
  draw: Draw,
): readonly Comparison[] {
  const contents = joined(variables.map((variable) => variable.contents));
  const space: Space = { surface, variables, gradient: joined(variables.map(({ gradient }) => gradient)) };
  const direction = joined(balanced(variables, draw));
  const along = (elements: readonly number[]) => compareAlong(space, only(direction, elements));
  const all = [...contents.keys()];
  const other = all.filter((i) => contents[i] !== 0);
  const chosen = other.length > 0 ? other : all;
  const part = chosen.filter(() => draw.uniform() < 1 / 16);
  for (const elements of [chosen, part]) {
    if (elements.length === 0) continue;
    const comparison = along(elements);
    if (comparison.verdict === "differs") return [narrowed(comparison, along)];
    if (comparison.verdict === "agrees") return [comparison];
  }
  const single = Array.from({ length: SINGLE }, () => chosen[Math.floor(draw.uniform() * chosen.length)]);
  return [...new Set(single)].map((element) => along([element]));
}

/** Half of the elements, and half of these, as long as they differ: in the end, most often, one. */
function narrowed(comparison: Comparison, along: (elements: readonly number[]) => Comparison): Comparison {
  const { elements } = comparison;
  if (elements.length === 1) return comparison;
  const middle = elements.length >> 1;
  for (const half of [elements.slice(0, middle), elements.slice(middle)]) {
    const inHalf = along(half);
    if (inHalf.verdict === "differs") return narrowed(inHalf, along);
  }
  return comparison;
}

/** How much longer or shorter than its elements a variable's part of a direction may be. */
const MOST = 30;

/** A direction for each of the variables, scaled so that all count alike in g · d: a wrong gradient is seen beside large ones. */
function balanced(variables: readonly Coordinates[], draw: Draw): Float64Array[] {
  const directions = variables.map(({ contents }) => directionAt(contents, draw));
  const derivatives = directions.map((d, k) =>
    Math.abs(d.reduce((sum, x, i) => sum + x * variables[k].gradient[i], 0)),
  );
  const logarithms = derivatives.filter((x) => x > 0).map(Math.log);
  const middle = Math.exp(logarithms.reduce((sum, x) => sum + x, 0) / Math.max(1, logarithms.length));
  const scale = (derivative: number): number => Math.min(MOST, Math.max(1 / MOST, middle / derivative));
  return directions.map((d, k) => d.map((x) => x * scale(derivatives[k])));
}

/** Each element up or down, by as much as elements are large. */
function directionAt(contents: Float64Array, draw: Draw): Float64Array {
  const squares = contents.reduce((sum, x) => sum + x * x, 0) / Math.max(1, contents.length);
  const length = Math.max(0.1, Math.sqrt(squares));
  return contents.map(() => (draw.uniform() < 0.5 ? -length : length));
}

function only(direction: Float64Array, elements: readonly number[]): Float64Array {
  const result = new Float64Array(direction.length);
  for (const i of elements) result[i] = direction[i];
  return result;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
