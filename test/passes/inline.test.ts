import { expect, test } from "vitest";
import { splitAxes } from "../../compiler/3-passes/inline.ts";
import type { Shape } from "../../compiler/ir/graph.ts";

test.each<[Shape, Shape, number[][] | null]>([
  [
    ["n", 48, 5],
    ["n", 4, 12, 5],
    [[0], [1, 2], [3]],
  ],
  [
    ["n", 6],
    [1, "n", 2, 1, 3],
    [[1], [2, 4]],
  ],
  [
    [2, 1, 6],
    [2, 6],
    [[0], [], [1]],
  ],
  [[8], [2, 2, 2, 1], [[0, 1, 2]]],
  [[], [1, 1], []],
  // Merged.
  [["n", 4, 12], ["n", 48], null],
  [[4, 6], [8, 3], null],
  [[6, 4], [2, 12], null],
  [[3], [2, 2], null],
  [["n", 2], [2, "n"], null],
])("%j as %j", (from, to, expected) => {
  expect(splitAxes(from, to)).toEqual(expected);
});
