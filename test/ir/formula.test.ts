/** Values as mathematics. */
import { expect, test } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import { formula } from "../../compiler/ir/formula.ts";
import type { Value } from "../../compiler/ir/graph.ts";

const b = new Builder();
const [x, y, z] = ["x", "y", "z"].map((name) => b.op("param", [], { name, shape: [3] }));
const n = b.host("n");

test.each<[string, Value]>([
  ["x + y * z", b.add(x, b.mul(y, z))],
  ["(x + y) * z", b.mul(b.add(x, y), z)],
  ["x - (y - z)", b.sub(x, b.sub(y, z))],
  ["x - y - z", b.sub(b.sub(x, y), z)],
  ["x / (y * z)", b.div(x, b.mul(y, z))],
  ["x / y / z", b.div(b.div(x, y), z)],
  ["-(x + y)", b.neg(b.add(x, y))],
  ["-x * y", b.mul(b.neg(x), y)],
  ["2 * (x - y) / n", b.mul(b.sub(x, y), b.div(2, n))],
  ["x + (-2)", b.add(x, -2)],
  ["exp(x) ^ 3", b.binary("pow", b.exp(x), 3)],
  ["(-x) ^ 3", b.binary("pow", b.neg(x), 3)],
  ["where(x <= 0, 0, x)", b.where(b.binary("le", x, 0), 0, x)],
  ["sum(x)", b.broadcast(b.sum(x, [0]), [4], [])],
])("%s", (text, value) => {
  expect(formula(value)).toBe(text);
});

test("named values are not written out, deep ones are cut", () => {
  const inner = b.exp(b.add(x, y));
  expect(formula(b.mul(inner, z), new Map([[inner, "e"]]))).toBe("e * z");
  expect(formula(b.exp(b.exp(b.exp(x))), new Map(), 2)).toBe("exp(exp(…))");
});
