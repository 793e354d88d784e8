/** The functions that are written in TypeScript. */
import type { Builtin } from "./builtin.ts";
import { LINEAR_ALGEBRA } from "./linear-algebra.ts";
import { LISTS } from "./lists.ts";
import { MATH } from "./math.ts";
import { REDUCTIONS } from "./reduce.ts";
import { SHAPES } from "./shape.ts";
import { WINDOWS } from "./windows.ts";

export { DISTRIBUTIONS } from "./distributions.ts";
export const BUILTINS: readonly Builtin[] = [
  ...MATH,
  ...REDUCTIONS,
  ...LINEAR_ALGEBRA,
  ...SHAPES,
  ...LISTS,
  ...WINDOWS,
];
