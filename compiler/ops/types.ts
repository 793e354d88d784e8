/** What shape rules share: reading attributes, checking operands, showing types. */
import { ShapeError } from "../diagnostics.ts";
import type { Attrs, DType, Shape, TensorType } from "../ir/graph.ts";

export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function showType(type: TensorType): string {
  return `${type.dtype}${showShape(type.shape)}`;
}

export function expectOperands(op: string, inputs: readonly TensorType[], count: number): void {
  if (inputs.length !== count) {
    throw new ShapeError(`${op} takes ${count} operand${count === 1 ? "" : "s"}, found ${inputs.length}`);
  }
}

export function expectDType(op: string, type: TensorType, allowed: readonly DType[]): void {
  if (allowed.includes(type.dtype)) return;
  const help = type.dtype === "bool" ? "cast it, or choose with `where`" : undefined;
  throw new ShapeError(`${op} takes ${allowed.join(" or ")} operands, found ${showType(type)}`, help);
}

export function expectRank(op: string, what: string, type: TensorType, axes: readonly string[]): void {
  if (type.shape.length === axes.length) return;
  throw new ShapeError(`${op}: the ${what} must be [${axes.join(", ")}], found ${showShape(type.shape)}`);
}

/** A size that kernels must know at compile time: every one except that of the sample axis. */
export function fixedSize(op: string, axis: string, type: TensorType, index: number): number {
  const size = type.shape[index];
  if (size !== "n") return size;
  throw new ShapeError(`${op}: ${axis} must be a fixed size, found the number of samples in ${showShape(type.shape)}`);
}

function missing(key: string, what: string): never {
  throw new ShapeError(`attribute "${key}" must be ${what}`);
}

export function numberAttr(attrs: Attrs, key: string): number {
  const value = attrs[key];
  return typeof value === "number" ? value : missing(key, "a number");
}

export function stringAttr(attrs: Attrs, key: string): string {
  const value = attrs[key];
  return typeof value === "string" ? value : missing(key, "a string");
}

/** A number that may be written as the name of a non-finite one, since JSON has none. */
export function floatAttr(attrs: Attrs, key: string): number {
  const value = attrs[key];
  if (typeof value === "number") return value;
  if (value === "Infinity" || value === "-Infinity" || value === "NaN") return Number(value);
  return missing(key, "a number, or Infinity, -Infinity or NaN");
}

export function integersAttr(attrs: Attrs, key: string): readonly number[] {
  const value = attrs[key];
  if (Array.isArray(value) && value.every((item) => Number.isInteger(item))) return value;
  return missing(key, "a list of integers");
}

export function shapeAttr(attrs: Attrs, key: string): Shape {
  const value = attrs[key];
  if (!Array.isArray(value) || !value.every((d) => d === "n" || (Number.isInteger(d) && d > 0))) {
    return missing(key, "a list of positive sizes");
  }
  if (value.filter((d) => d === "n").length > 1) {
    throw new ShapeError(`shape ${showShape(value)} has more than one axis of samples`);
  }
  return value;
}

/** Strictly increasing axes of a tensor of this rank. */
export function axesAttr(op: string, attrs: Attrs, key: string, rank: number): readonly number[] {
  const axes = integersAttr(attrs, key);
  for (const [i, axis] of axes.entries()) {
    if (axis < 0 || axis >= rank) throw new ShapeError(`${op}: axis ${axis} is not one of the ${rank} axes`);
    if (i > 0 && axis <= axes[i - 1]) throw new ShapeError(`${op}: axes [${axes.join(", ")}] must be increasing`);
  }
  return axes;
}

export function axisAttr(op: string, attrs: Attrs, rank: number): number {
  const axis = numberAttr(attrs, "axis");
  if (Number.isInteger(axis) && axis >= 0 && axis < rank) return axis;
  throw new ShapeError(`${op}: axis ${axis} is not one of the ${rank} axes`);
}

export function withoutAxes(shape: Shape, axes: readonly number[]): Shape {
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** The axes that are not in `axes`: where a reduced tensor broadcasts back to. */
export function otherAxes(rank: number, axes: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !axes.includes(axis));
}

export function allAxes(rank: number): number[] {
  return otherAxes(rank, []);
}
