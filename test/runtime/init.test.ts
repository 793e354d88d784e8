/** Initial values: moments, bounds, orthogonality, and that they are functions of seed and name alone. */
import { describe, expect, test } from "vitest";
import type { Init } from "../../runtime/abi.ts";
import { initialise } from "../../runtime/init.ts";
import { erf, erfinv } from "../../runtime/math.ts";

function values(init: Init, shape: readonly number[], seed = 0): Float64Array {
  const into = new Float64Array(shape.reduce((a, b) => a * b, 1));
  initialise(into, { name: "w", shape, init }, seed);
  return into;
}
const mean = (x: Float64Array) => x.reduce((a, b) => a + b, 0) / x.length;
const variance = (x: Float64Array) => mean(x.map((v) => v * v)) - mean(x) ** 2;

describe("trunc_normal", () => {
  /** Mean and variance of the normal distribution cut off at a and b, by the trapezoidal rule. */
  function moments(m: number, std: number, a: number, b: number): [number, number] {
    const points = Array.from({ length: 4001 }, (_, i) => a + ((b - a) * i) / 4000);
    const weights = points.map((x) => Math.exp(-0.5 * ((x - m) / std) ** 2));
    const total = weights.reduce((s, w) => s + w);
    const first = points.reduce((s, x, i) => s + x * weights[i], 0) / total;
    return [first, points.reduce((s, x, i) => s + (x - first) ** 2 * weights[i], 0) / total];
  }
  test.each([
    [0, 1, -2, 2],
    [0, 0.02, -2, 2],
    [1, 2, 0, 5],
    [0, 1, 1.5, 4],
    [0, 1, -0.1, 0.1],
  ])("(%f, %f) between %f and %f", (m, std, low, high) => {
    const x = values({ kind: "trunc_normal", mean: m, std, low, high }, [20000]);
    const [first, second] = moments(m, std, low, high);
    expect(Math.min(...x)).toBeGreaterThanOrEqual(Math.fround(low));
    expect(Math.max(...x)).toBeLessThanOrEqual(Math.fround(high));
    expect(Math.abs(mean(x) - first)).toBeLessThan(4 * Math.sqrt(second / x.length));
    expect(variance(x) / second).toBeCloseTo(1, 1);
  });

  test("erfinv is the inverse of erf", () => {
    for (const x of [-0.9999999, -0.99, -0.5, 0, 1e-9, 0.1, 0.7, 0.999]) {
      expect(Math.abs(erf(erfinv(x)) - x)).toBeLessThan(1e-6);
    }
  });
});

describe("orthogonal", () => {
  test.each([[[3, 3]], [[16, 40]], [[40, 16]], [[8, 3, 3, 3]], [[64, 4, 3, 3]], [[5, 1]]])(
    "%j: rows or columns of length gain at right angles",
    (shape) => {
      const gain = 2;
      const x = values({ kind: "orthogonal", gain }, shape, 7);
      const [rows, columns] = [shape[0], x.length / shape[0]];
      const [count, along, apart] = rows <= columns ? [rows, 1, columns] : [columns, columns, 1];
      for (let i = 0; i < count; i++) {
        for (let j = 0; j <= i; j++) {
          let product = 0;
          for (let t = 0; t < Math.max(rows, columns); t++)
            product += x[i * apart + t * along] * x[j * apart + t * along];
          expect(Math.abs(product / gain ** 2 - (i === j ? 1 : 0))).toBeLessThan(1e-6);
        }
      }
    },
  );

  test("every direction is equally likely", () => {
    const first = Array.from({ length: 2000 }, (_, seed) => values({ kind: "orthogonal", gain: 1 }, [2, 3], seed));
    for (let i = 0; i < 6; i++) {
      const x = Float64Array.from(first, (matrix) => matrix[i]);
      expect(Math.abs(mean(x))).toBeLessThan(0.06);
      expect(Math.abs(variance(x) - 1 / 3)).toBeLessThan(0.04);
    }
  });
});

describe("identity", () => {
  test("of a matrix is 1 on the diagonal", () => {
    expect([...values({ kind: "identity", groups: 1 }, [2, 3])]).toEqual([1, 0, 0, 0, 1, 0]);
    expect([...values({ kind: "identity", groups: 1 }, [3, 2])]).toEqual([1, 0, 0, 1, 0, 0]);
  });
  test("of a convolution lets each channel through, in each group", () => {
    const ones = (shape: number[], groups: number) =>
      [...values({ kind: "identity", groups }, shape)].flatMap((v, i) => (v === 1 ? [i] : []));
    // torch.nn.init.dirac_: [o, i, 1, 1] of a 3 × 3 window, [o, i, 1, 2] of a 2 × 4 one.
    expect(ones([3, 2, 3, 3], 1)).toEqual([0 * 18 + 0 * 9 + 4, 1 * 18 + 1 * 9 + 4]);
    expect(ones([4, 2, 2, 4], 2)).toEqual([0 * 16 + 6, 1 * 16 + 8 + 6, 2 * 16 + 6, 3 * 16 + 8 + 6]);
    expect(ones([2, 2, 5], 1)).toEqual([2, 10 + 5 + 2]);
  });
});

test("sparse has the same number of zeros in each column, anywhere", () => {
  const [rows, columns] = [10, 500];
  const x = values({ kind: "sparse", sparsity: 0.25, std: 0.1 }, [rows, columns]);
  const zeros = (row: number, column: number) => Number(x[row * columns + column] === 0);
  const byColumn = Array.from({ length: columns }, (_, c) => Array.from({ length: rows }, (_, r) => zeros(r, c)));
  for (const column of byColumn) expect(column.reduce((a, b) => a + b)).toBe(3);
  for (let r = 0; r < rows; r++) {
    const count = byColumn.reduce((sum, column) => sum + column[r], 0);
    expect(Math.abs(count - 0.3 * columns)).toBeLessThan(45);
  }
  const others = x.filter((v) => v !== 0);
  expect(Math.sqrt(variance(others))).toBeCloseTo(0.1, 2);
});

test("a table has one row of zeros, the others are standard normal", () => {
  const [rows, columns] = [20, 500];
  const x = values({ kind: "table", empty: 3 }, [rows, columns]);
  const zeros = [...x.keys()].filter((i) => x[i] === 0).map((i) => Math.floor(i / columns));
  expect(new Set(zeros)).toEqual(new Set([3]));
  expect(zeros.length).toBe(columns);
  expect(variance(x.filter((v) => v !== 0))).toBeCloseTo(1, 1);
});

test("the first values of a seed never change", () => {
  const first = (init: Init) => [...values(init, [4, 4], 1).subarray(0, 3)];
  expect(first({ kind: "trunc_normal", mean: 0, std: 1, low: -2, high: 2 })).toMatchInlineSnapshot(`
    [
      0.22023314237594604,
      -1.31858491897583,
      1.2429312467575073,
    ]
  `);
  expect(first({ kind: "orthogonal", gain: 1 })).toMatchInlineSnapshot(`
    [
      0.43338266015052795,
      0.8563529253005981,
      -0.18416358530521393,
    ]
  `);
  expect(first({ kind: "sparse", sparsity: 0.5, std: 1 })).toMatchInlineSnapshot(`
    [
      0,
      0,
      0,
    ]
  `);
});
