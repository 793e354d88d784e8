/** Elementary functions, against values computed with 300 bits (mpmath), and the host scalars built on them. */
import { describe, expect, test } from "vitest";
import type { HostExpr } from "../../runtime/abi.ts";
import { type HostValues, hostFunction } from "../../runtime/host.ts";
import * as math from "../../runtime/math.ts";
import exact from "./math-values.json";

const functions = math as unknown as Record<string, (...args: number[]) => number>;

function ulp(x: number): number {
  const bits = new BigUint64Array(new Float64Array([Math.abs(x)]).buffer)[0];
  const next = new Float64Array(new BigUint64Array([bits + 1n]).buffer)[0];
  return next - Math.abs(x);
}

describe.each(Object.entries(exact))("%s", (name, { ulps, values }) => {
  test(`is within ${ulps} ulp`, () => {
    for (const [args, value] of values as [number[], number][]) {
      const error = Math.abs(functions[name](...args) - value) / ulp(value);
      expect(error, `${name}(${args})`).toBeLessThanOrEqual(ulps);
    }
  });
});

test("edges are those of C's functions", () => {
  const { exp, log, pow, tanh, erf, expm1, log1p, sin, cos } = math;
  expect([exp(-Infinity), exp(Infinity), exp(NaN), exp(0), exp(710), exp(-746)]).toEqual([
    0,
    Infinity,
    NaN,
    1,
    Infinity,
    0,
  ]);
  expect([log(0), log(-1), log(1), log(Infinity), log(NaN)]).toEqual([-Infinity, NaN, 0, Infinity, NaN]);
  expect([pow(NaN, 0), pow(1, NaN), pow(-1, Infinity), pow(0.5, Infinity)]).toEqual([1, 1, 1, 0]);
  expect([pow(-2, 3), pow(-2, 2), pow(-2, 0.5), pow(0, -1), pow(-0, -3)]).toEqual([-8, 4, NaN, Infinity, -Infinity]);
  expect([pow(Infinity, -2), pow(-Infinity, 3), pow(2, 1e300), pow(2, -1e300)]).toEqual([0, -Infinity, Infinity, 0]);
  expect([tanh(1000), tanh(-1000), tanh(NaN), erf(10), erf(-10), erf(NaN)]).toEqual([1, -1, NaN, 1, -1, NaN]);
  expect([expm1(1000), expm1(-1000), log1p(Infinity), log1p(-1)]).toEqual([Infinity, -1, Infinity, -Infinity]);
  expect([sin(Infinity), cos(NaN), sin(0), cos(0)]).toEqual([NaN, NaN, 0, 1]);
});

describe("host scalars", () => {
  const values: HostValues = {
    n: 16,
    step: 9,
    epoch: 2,
    steps_per_epoch: 100,
    epochs: 5,
    total_steps: 500,
    accumulated: 0,
  };
  const value = (expr: HostExpr) => hostFunction(expr)(values);

  test("take numbers, names and operations", () => {
    expect(value(["div", 0.001, ["sub", 1, ["pow", 0.9, ["add", "step", 1]]]])).toBe(0.001 / (1 - math.pow(0.9, 10)));
    expect(value(["where", ["lt", "step", 10], "n", 7])).toBe(16);
    expect(value(["where", ["and", ["ge", "epoch", 2], ["not", ["eq", "epoch", 2]]], 1, 2])).toBe(2);
    expect(value("-Infinity")).toBe(-Infinity);
    expect(value(["maximum", "NaN", 1])).toBe(NaN);
    expect(value(["cast", ["gt", "epochs", 2]])).toBe(1);
  });

  test("an operation that this runtime does not know is named", () => {
    expect(() => hostFunction(["matmul", 1, 2])).toThrow('does not know the operation "matmul"');
  });
});
