import { describe, expect, it } from "vitest";
import { emitJs } from "../../compiler/4-codegen/js-backend.ts";
import { emitWasm } from "../../compiler/4-codegen/wasm-backend.ts";
import type { Expr, Kernel, UnaryOp } from "../../compiler/ir/loops.ts";
import { uniform } from "../../compiler/ops/philox-reference.ts";
import { binaryOf, mapKernel, unaryOf } from "./kernels.ts";
import { random } from "./random.ts";
import { instantiateJs } from "./run.ts";

const SIZE = 1 << 14;

type Map = (...operands: readonly Float32Array[]) => Float32Array;

/** Applies a function of floats to whole arrays by the WASM backend. */
function wasmMap(operands: number, vector: boolean, f: (...args: Expr[]) => Expr): Map {
  const { kernel } = mapKernel(operands, SIZE, vector, f);
  const args = kernel.buffers.map((_, i) => 4 * SIZE * i);
  const module = moduleOf(kernel, args, 4 * SIZE * (operands + 1), 4);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(emitWasm(module) as BufferSource));
  const { memory, main } = instance.exports as unknown as { memory: WebAssembly.Memory; main(n: number): number };
  return (...values) => {
    for (const [i, value] of values.entries()) new Float32Array(memory.buffer).set(value, SIZE * i);
    main(1);
    return new Float32Array(memory.buffer, 4 * SIZE * operands, SIZE).slice();
  };
}

function moduleOf(kernel: Kernel, args: number[], bytes: number, floatBytes: 4 | 8) {
  const steps = [{ kernel, args, writes: [] }];
  return { programs: [{ name: "main", steps }], memoryBytes: bytes, floatBytes, checkFinite: false };
}

/** The error function by the JavaScript backend, in float64. */
async function erf64(): Promise<(x: number) => number> {
  const { kernel } = mapKernel(1, 1, false, unaryOf("erf"));
  const engine = await instantiateJs(emitJs(moduleOf(kernel, [0, 8], 16, 8)));
  const values = new Float64Array(engine.memory);
  return (x) => {
    values[0] = x;
    engine.run("main", 1);
    return values[1];
  };
}

/** |actual - exact| in units of the last place of `exact` as an f32. */
function ulps(actual: number, exact: number): number {
  const last = 2 ** Math.max(-149, Math.floor(Math.log2(Math.abs(exact))) - 23);
  return Math.abs(actual - exact) / last;
}

/** Every float whose bits are a multiple of a prime step, SIZE at a time. */
function* sweep(step: number): Generator<Float32Array> {
  for (let first = 0; first < 2 ** 32; first += step * SIZE) {
    const bits = Uint32Array.from({ length: SIZE }, (_, i) => (first + step * i) % 2 ** 32);
    yield new Float32Array(bits.buffer);
  }
}

/** The worst error in ulps, where the exact result is finite in f32; elsewhere the result must be the same. */
function worst(map: Map, exact: (x: number) => number, within = Number.POSITIVE_INFINITY): number {
  let most = 0;
  for (const inputs of sweep(10007)) {
    map(inputs).forEach((actual, i) => {
      const x = inputs[i];
      const wanted = exact(x);
      if (Math.abs(x) > within || Object.is(actual, Math.fround(wanted))) return;
      const error = ulps(actual, wanted);
      if (!(error < 100)) throw new Error(`f(${x}) is ${actual}, not ${wanted}`);
      most = Math.max(most, error);
    });
  }
  return most;
}

const LIMITS: readonly [UnaryOp, (x: number) => number, number][] = [
  ["exp", Math.exp, 1],
  ["expm1", Math.expm1, 1.6],
  ["log", Math.log, 1],
  ["log1p", Math.log1p, 1],
  ["tanh", Math.tanh, 1.4],
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), 2.5],
];

describe("math functions of the WASM backend", () => {
  for (const [op, exact, limit] of LIMITS) {
    it(`${op}: at most ${limit} ulp over all floats`, () => {
      expect(worst(wasmMap(1, true, unaryOf(op)), exact)).toBeLessThanOrEqual(limit);
    });
  }

  it("erf: at most 1.2 ulp over all floats", async () => {
    expect(worst(wasmMap(1, true, unaryOf("erf")), await erf64())).toBeLessThanOrEqual(1.2);
  });

  it("sin and cos: at most 0.51 ulp up to 10^6, and within [-1, 1] beyond", () => {
    for (const [op, exact] of [["sin", Math.sin] as const, ["cos", Math.cos] as const]) {
      const map = wasmMap(1, true, unaryOf(op));
      expect(worst(map, exact, 1e6)).toBeLessThanOrEqual(0.51);
      for (const x of map(new Float32Array(SIZE).map((_, i) => 1e6 * 1.004 ** i))) {
        expect(Number.isNaN(x) || Math.abs(x) <= 1).toBe(true);
      }
    }
  });

  it("pow: at most 0.51 ulp for all kinds of operands", () => {
    const map = wasmMap(2, true, binaryOf("pow"));
    const rng = random(1);
    const special = [
      0,
      -0,
      1,
      -1,
      2,
      -2,
      3,
      -3,
      0.5,
      -0.5,
      1e-40,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      NaN,
    ];
    const bits = () => new Float32Array(Uint32Array.of(rng.next() * 2 ** 32).buffer)[0];
    const near = () => 2 ** (8 * rng.next() - 4);
    const pick = () => special[rng.below(special.length)];
    for (const [x, y] of [
      [pick, pick],
      [bits, pick],
      [pick, bits],
      [near, () => 40 * (rng.next() - 0.5)],
      [bits, () => rng.below(20) - 10],
    ]) {
      const xs = new Float32Array(SIZE).map(x);
      const ys = new Float32Array(SIZE).map(y);
      map(xs, ys).forEach((actual, i) => {
        const exact = ieeePower(xs[i], ys[i]);
        if (Object.is(actual, Math.fround(exact))) return;
        expect(ulps(actual, exact), `${xs[i]} ^ ${ys[i]} = ${actual}, not ${exact}`).toBeLessThan(0.51);
      });
    }
  });

  it("gives scalars the bits of vectors", () => {
    const inputs = new Float32Array(SIZE).map((_, i) => (i - SIZE / 2) / 500);
    for (const op of [...LIMITS.map(([name]) => name), "erf", "sin", "cos"] as UnaryOp[]) {
      const vectors = wasmMap(1, true, unaryOf(op))(inputs);
      expect(wasmMap(1, false, unaryOf(op))(inputs), op).toEqual(vectors);
    }
    const powers = [inputs, inputs.map((x) => x / 2)];
    expect(wasmMap(2, false, binaryOf("pow"))(...powers)).toEqual(wasmMap(2, true, binaryOf("pow"))(...powers));
  });
});

const ieeePower = (x: number, y: number): number => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y);

describe("erf of the JavaScript backend", () => {
  it("has the error function's values", async () => {
    const erf = await erf64();
    const values: [number, number][] = [
      [1e-10, 1.1283791670955126e-10],
      [0.1, 0.1124629160182849],
      [0.84, 0.7651427114549946],
      [0.9, 0.7969082124228322],
      [1.3, 0.9340079449406524],
      [2.8, 0.9999249868053346],
      [2.9, 0.9999589021219005],
      [5.9, 0.9999999999999999],
      [-0.7, -0.6778011938374184],
      [-3, -0.9999779095030014],
    ];
    for (const [x, exact] of values) expect(Math.abs(erf(x) / exact - 1)).toBeLessThan(3e-16);
    expect([0, -0, Infinity, -Infinity, NaN].map(erf)).toEqual([0, -0, 1, -1, NaN]);
  });
});

describe("uniform", () => {
  const i32 = (value: number): Expr => ({ k: "const", ty: "i32", value: value | 0 });
  /** Two runs of eight, in order and not, a jump, and the largest index. */
  const VECTORS = [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [12, 13, 14, 15],
    [8, 9, 10, 11],
    [3, 4, 5, 6],
    [4, 4, 4, 4],
    [0, 5, 10, 15],
  ];
  const VALUES: readonly [number, number][] = [
    [0, 0],
    [1, 7],
    [0xffffffff, 0xffffffff],
    [0x85a308d3, 0x13198a2e],
  ];

  it("begins with Random123's known answer", () => {
    expect(uniform(0, 0, 0, 0)).toBe((0xff1dae59 >>> 8) * 2 ** -24);
    expect(uniform(4, 0, 0, 0)).toBe((0x6cd10df2 >>> 8) * 2 ** -24);
  });

  for (const site of [0, 3]) {
    it(`is the same in WASM and JavaScript, site ${site}`, async () => {
      for (const [step, seed] of VALUES) {
        const numbers = (ty: "f32" | "f32x4", index: Expr): Expr => {
          return { k: "uniform", ty, index, site, seed: i32(seed), step: i32(step) };
        };
        for (const indices of [...VECTORS, [0xfffffffc, 0xfffffffd, 0xfffffffe, 0xffffffff]]) {
          const expected = indices.map((index) => uniform(index, step, seed, site));
          const vector = numbers("f32x4", { k: "const", ty: "i32x4", value: indices.map((x) => x | 0) });
          expect([...wasmMap(1, true, () => vector)(new Float32Array(SIZE)).slice(0, 4)]).toEqual(expected);
          const scalar = numbers("f32", i32(indices[1]));
          expect(wasmMap(1, false, () => scalar)(new Float32Array(SIZE))[0]).toBe(expected[1]);
          const { kernel } = mapKernel(1, 1, false, () => scalar);
          const engine = await instantiateJs(emitJs(moduleOf(kernel, [0, 8], 16, 8)));
          engine.run("main", 1);
          expect(new Float64Array(engine.memory)[1]).toBe(expected[1]);
        }
      }
    });
  }

  it("keeps the second words of four counters for the next vector only", () => {
    const halves = [0, 4].map((first): Expr => {
      const index: Expr = { k: "const", ty: "i32x4", value: [0, 1, 2, 3].map((lane) => first + lane) };
      return { k: "uniform", ty: "f32x4", index, site: 0, seed: i32(5), step: i32(9) };
    });
    const difference: Expr = { k: "binary", ty: "f32x4", op: "sub", a: halves[1], b: halves[0] };
    const expected = [0, 1, 2, 3].map((lane) => Math.fround(uniform(4 + lane, 9, 5, 0) - uniform(lane, 9, 5, 0)));
    for (const order of [difference, { ...difference, a: halves[0], b: halves[1] } as Expr]) {
      const sign = order === difference ? 1 : -1;
      const found = wasmMap(1, true, () => order)(new Float32Array(SIZE)).slice(0, 4);
      expect([...found]).toEqual(expected.map((x) => sign * x));
    }
  });
});
