/** Which values the runtime computes before a call, and how they are written for it. */
import { expect, test } from "vitest";
import { hostExpr, isHost } from "../../compiler/3-passes/host.ts";
import { Builder } from "../../compiler/ir/builder.ts";

const b = new Builder();
const [n, step] = [b.host("n"), b.host("step")];

test("arithmetic on constants and host values is the host's", () => {
  const rate = b.where(b.binary("lt", step, 10), b.div(0.1, n), b.const(Number.POSITIVE_INFINITY));
  expect(isHost(rate)).toBe(true);
  expect(hostExpr(rate)).toEqual(["where", ["lt", "step", 10], ["div", 0.1, "n"], "Infinity"]);
});

test("tensors, parameters and reductions are not", () => {
  const scale = b.op("param", [], { name: "s", shape: [] });
  expect(isHost(scale)).toBe(false);
  expect(isHost(b.mul(scale, n))).toBe(false);
  expect(isHost(b.sum(b.op("param", [], { name: "w", shape: [3] }), [0]))).toBe(false);
  expect(isHost(b.broadcast(n, [3], []))).toBe(false);
});

test("an expression that would be huge as a tree is left to a kernel", () => {
  let x = step;
  for (let i = 0; i < 8; i++) x = b.mul(x, x);
  expect(isHost(x)).toBe(true);
  for (let i = 0; i < 30; i++) x = b.mul(x, x);
  expect(isHost(x)).toBe(false);
});
