import { describe, expect, it } from "vitest";
import { emitJs } from "../../compiler/4-codegen/js-backend.ts";
import { emitWasm } from "../../compiler/4-codegen/wasm-backend.ts";
import type { Affine, Buffer, Call, Expr, Kernel, Local, LoopModule, Stmt, Ty } from "../../compiler/ir/loops.ts";
import { printKernel } from "../../compiler/ir/loops-text.ts";
import { evaluate } from "./evaluate.ts";
import { binaryOf, mapKernel, unaryOf } from "./kernels.ts";
import { type Random, random } from "./random.ts";
import { BYTES, ExprMaker, FLOATS, INTS } from "./random-expressions.ts";
import { instantiateJs, runJs, runWasm } from "./run.ts";

const constant = (value: number | number[], ty: Ty): Expr => ({ k: "const", ty, value });
const at = (base: number): Affine => ({ base, terms: [] });
const OUT: Buffer = { name: "out", elem: "f32" };
const OUT_INTS: Buffer = { name: "out_ints", elem: "i32" };
const OUT_BYTES: Buffer = { name: "out_bytes", elem: "u8" };
const BUFFERS = [FLOATS, INTS, BYTES, OUT, OUT_INTS, OUT_BYTES];
const SIZE = 64;
const N: Local = { name: "n", ty: "i32" };

const kernelOf = (body: Stmt[]): Kernel => ({ name: "kernel", buffers: BUFFERS, n: N, body });

function memory(rng: Random): Map<Buffer, number[]> {
  const fill = (f: () => number) => Array.from({ length: SIZE }, f);
  return new Map([
    [FLOATS, fill(() => rng.below(7) - 3)],
    [INTS, fill(() => rng.below(2001) - 1000)],
    [BYTES, fill(() => rng.below(256))],
    [OUT, fill(() => -9)],
    [OUT_INTS, fill(() => -9)],
    [OUT_BYTES, fill(() => 9)],
  ]);
}

const copyOf = (arrays: Map<Buffer, number[]>) => new Map([...arrays].map(([b, values]) => [b, [...values]]));

/** The kernel does the same on the evaluator, in WASM and, if it is scalar, in JavaScript. */
async function compare(body: Stmt[], scalar: boolean, seed = 1): Promise<void> {
  const kernel = kernelOf(body);
  const start = memory(random(seed));
  const [expected, wasm] = [copyOf(start), copyOf(start)];
  evaluate(kernel, expected, 3);
  runWasm(kernel, wasm, 3);
  expect([...wasm.values()], `WASM, seed ${seed}\n${printKernel(kernel)}`).toEqual([...expected.values()]);
  if (!scalar) return;
  for (const floatBytes of [4, 8] as const) {
    const js = copyOf(start);
    await runJs(kernel, js, 3, floatBytes);
    expect([...js.values()], `JavaScript, seed ${seed}\n${printKernel(kernel)}`).toEqual([...expected.values()]);
  }
}

describe("random expressions mean the same on every backend", () => {
  for (const vectors of [false, true]) {
    it(vectors ? "in vectors" : "in scalars", async () => {
      for (let seed = 1; seed <= 120; seed++) {
        const rng = random(seed);
        const make = new ExprMaker(rng, vectors);
        const count = vectors ? 1 + rng.below(4) : undefined;
        const stride = vectors ? [1, 1, 2, -1][rng.below(4)] : 1;
        const store = (buffer: Buffer, value: Expr): Stmt => ({ k: "store", buffer, at: at(20), value, stride, count });
        const body = [store(OUT, make.float(3)), store(OUT_INTS, make.int(3)), store(OUT_BYTES, make.int(3))];
        await compare(body, !vectors, seed);
      }
    });
  }
});

describe("statements", () => {
  it("zero a range, run the branch taken, and leave what is not written", async () => {
    const n: Expr = { k: "local", ty: "i32", v: N };
    const more: Expr = { k: "compare", ty: "bool", op: "gt", a: n, b: constant(2, "i32") };
    const zero = (buffer: Buffer, base: number): Stmt => ({ k: "zero", buffer, at: at(base), count: n });
    const store = (buffer: Buffer, value: Expr): Stmt => ({ k: "store", buffer, at: at(30), value, stride: 1 });
    await compare(
      [
        { k: "if", cond: more, then: [zero(OUT, 3), store(OUT_INTS, n)], else: [zero(OUT, 20)] },
        {
          k: "if",
          cond: { k: "unary", ty: "bool", op: "not", a: more },
          then: [],
          else: [zero(OUT_INTS, 1), zero(OUT_BYTES, 5)],
        },
      ],
      true,
    );
  });

  it("write whole vectors of bytes by their lower 8 bits", async () => {
    const value: Expr = { k: "load", ty: "i32x4", buffer: INTS, at: at(4), stride: 1 };
    await compare([{ k: "store", buffer: OUT_BYTES, at: at(7), value, stride: 1 }], false);
  });
});

describe("special values", () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  const values = [0, -0, 1, -1, 0.5, -0.5, 2.5, -2.5, 3.5, inf, -inf, nan, 3e9, -3e9, 2 ** -149, 8388609.5];
  const pairs = values.flatMap((a) => values.map((b): [number, number] => [a, b]));

  async function everywhere(operands: number, f: (...args: Expr[]) => Expr, inputs: number[][], exact: number[]) {
    for (const vector of [true, false]) {
      const { kernel, inputs: buffers, output } = mapKernel(operands, inputs[0].length, vector, f);
      const arrays = () =>
        new Map([...buffers.map((b, i): [Buffer, number[]] => [b, [...inputs[i]]]), [output, [...exact]]]);
      const wasm = arrays();
      runWasm(kernel, wasm, 1);
      expect(wasm.get(output), "WASM").toEqual(exact);
      if (vector) continue;
      const js = arrays();
      await runJs(kernel, js, 1);
      expect(js.get(output), "JavaScript").toEqual(exact);
    }
  }

  it("max and min propagate NaN and order the zeros; pmax and pmin compare and choose", async () => {
    const inputs = [pairs.map(([a]) => Math.fround(a)), pairs.map(([, b]) => Math.fround(b))];
    const exact = (f: (a: number, b: number) => number) => inputs[0].map((a, i) => f(a, inputs[1][i]));
    await everywhere(2, binaryOf("max"), inputs, exact(Math.max));
    await everywhere(2, binaryOf("min"), inputs, exact(Math.min));
    await everywhere(
      2,
      binaryOf("pmax"),
      inputs,
      exact((a, b) => [a, b][Number(a < b)]),
    );
    await everywhere(
      2,
      binaryOf("pmin"),
      inputs,
      exact((a, b) => [a, b][Number(b < a)]),
    );
  });

  it("rounding to whole numbers", async () => {
    const inputs = values.map(Math.fround);
    await everywhere(1, unaryOf("floor"), [inputs], inputs.map(Math.floor));
    await everywhere(1, unaryOf("ceil"), [inputs], inputs.map(Math.ceil));
    const even = [0, -0, 1, -1, 0, -0, 2, -2, 4, inf, -inf, nan, 3e9, -3e9, 0, 8388610].map(Math.fround);
    await everywhere(1, unaryOf("nearest"), [inputs], even);
  });

  it("conversion to integers saturates, and takes NaN to 0", async () => {
    const through = (a: Expr): Expr => {
      const wide = a.ty.endsWith("x4");
      return { k: "cast", ty: wide ? "f32x4" : "f32", a: { k: "cast", ty: wide ? "i32x4" : "i32", a } };
    };
    const inputs = values.map(Math.fround);
    const exact = [0, 0, 1, -1, 0, 0, 2, -2, 3, 2 ** 31, -(2 ** 31), 0, 2 ** 31, -(2 ** 31), 0, 8388610];
    const wasm = mapKernel(1, 16, true, through);
    const arrays = new Map([
      [wasm.inputs[0], [...inputs]],
      [wasm.output, [...exact]],
    ]);
    runWasm(wasm.kernel, arrays, 1);
    expect(arrays.get(wasm.output)).toEqual(exact);
    const js = mapKernel(1, 16, false, through);
    const values64 = new Map([
      [js.inputs[0], [...inputs]],
      [js.output, [...exact]],
    ]);
    await runJs(js.kernel, values64, 1, 8);
    expect(values64.get(js.output)).toEqual(exact.map((x) => (x === 2 ** 31 ? x - 1 : x)));
  });
});

describe("modules", () => {
  const scale = (name: string, by: number): Kernel => {
    const { kernel } = mapKernel(1, 5, false, (a) => ({
      k: "binary",
      ty: "f32",
      op: "mul",
      a,
      b: constant(by, "f32"),
    }));
    return { ...kernel, name };
  };
  const call = (kernel: Kernel, from: number, to: number): Call => {
    const writes = [{ label: kernel.name, address: to, elements: 5, perSample: false, span: null }];
    return { kernel, args: [from, to], writes };
  };
  const moduleOf = (calls: Call[], checkFinite = false): LoopModule => ({
    programs: [
      { name: "main", steps: calls },
      { name: "other", steps: calls.slice(0, 1) },
    ],
    memoryBytes: 1000,
    floatBytes: 4,
    checkFinite,
  });
  const instantiateWasm = (bytes: Uint8Array) => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource));
    return exports as unknown as {
      memory: WebAssembly.Memory;
      main(n: number): number;
      other(n: number): number;
      warm_up?(): void;
    };
  };

  it("hold a kernel once that is written twice under different names", async () => {
    const calls = [
      call(scale("first", 2), 0, 100),
      call(scale("second", 2), 100, 200),
      call(scale("third", 3), 200, 300),
    ];
    const one = emitWasm(moduleOf([calls[0]]), { names: true });
    const wasm = emitWasm(moduleOf(calls), { names: true });
    const text = emitJs(moduleOf(calls));
    expect(text).toContain("function first(");
    expect(text).not.toContain("function second(");
    expect(text.match(/first\(/g)).toHaveLength(4);
    expect(wasm.length).toBeLessThan(2 * one.length);
    const engine = instantiateWasm(wasm);
    new Float32Array(engine.memory.buffer, 0, 5).set([1, 2, 3, 4, 5]);
    expect(engine.main(1)).toBe(0);
    expect([...new Float32Array(engine.memory.buffer, 300, 5)]).toEqual([12, 24, 36, 48, 60]);
    const js = await instantiateJs(text);
    new Float32Array(js.memory, 0, 5).set([1, 2, 3, 4, 5]);
    expect(js.run("main", 1)).toBe(0);
    expect([...new Float32Array(js.memory, 300, 5)]).toEqual([12, 24, 36, 48, 60]);
  });

  it("export a memory of fixed size", () => {
    const { memory } = instantiateWasm(emitWasm(moduleOf([])));
    expect(memory.buffer.byteLength).toBe(65536);
    expect(() => memory.grow(1)).toThrow();
  });

  it("have an engine run the kernels of chosen programs so often that it optimises them, without a trace", () => {
    const half = constant(0.5, "f32");
    const product = (a: Expr): Expr => ({ k: "binary", ty: "f32", op: "mul", a, b: half });
    const powers = (a: Expr) => Array.from({ length: 120 }).reduce<Expr>(product, a);
    const large = { ...mapKernel(1, 5, false, powers).kernel, name: "large" };
    const module = moduleOf([call(large, 0, 100), call(scale("small", 2), 100, 200)]);
    const without = emitWasm(module);
    const wasm = emitWasm(module, { warmUp: ["main"] });
    expect(wasm.length).toBeGreaterThan(without.length);
    expect(instantiateWasm(without)).not.toHaveProperty("warm_up");
    const { memory, main, warm_up } = instantiateWasm(wasm);
    new Float32Array(memory.buffer, 0, 5).set([1, 2, 3, 4, 5]);
    const before = new Uint8Array(memory.buffer).slice();
    warm_up!();
    expect(new Uint8Array(memory.buffer)).toEqual(before);
    main(1);
    expect(new Float32Array(memory.buffer, 200, 1)[0]).toBe(2 * 0.5 ** 120);
  });

  it("take programs of a thousand calls", () => {
    const kernels = Array.from({ length: 50 }, (_, i) => scale(`k${i}`, 1 + i / 64));
    const calls = Array.from({ length: 1000 }, (_, i) => call(kernels[i % 50], 0, 100));
    const { main } = instantiateWasm(emitWasm(moduleOf(calls)));
    expect(main(1)).toBe(0);
  });

  it("name the first call that wrote a non-finite value, when asked to", async () => {
    const calls = [
      call(scale("small", 2), 0, 100),
      call(scale("large", 1e38), 100, 200),
      call(scale("third", 0.5), 200, 300),
    ];
    const wasm = instantiateWasm(emitWasm(moduleOf(calls, true)));
    const js = await instantiateJs(emitJs(moduleOf(calls, true)));
    const unchecked = instantiateWasm(emitWasm(moduleOf(calls)));
    const cases: [number[], number][] = [
      [[1, 1, 1, 1, 1], 0],
      [[1, 1, 1, 1, 2], 2],
      [[2, 1, 1, 1, 1], 2],
      [[1, 1, NaN, 1, 1], 1],
      [[1, 1, 1, 1, -Infinity], 1],
    ];
    for (const [values, expected] of cases) {
      for (const memory of [wasm.memory.buffer, js.memory, unchecked.memory.buffer])
        new Float32Array(memory, 0, 5).set(values);
      expect([wasm.main(1), js.run("main", 1), unchecked.main(1)]).toEqual([expected, expected, 0]);
    }
  });

  it("refuse what a backend does not take", () => {
    const vector = mapKernel(1, 8, true, (a) => a).kernel;
    expect(() => emitJs(moduleOf([call(vector, 0, 100)]))).toThrow("takes scalar kernels");
    expect(() => emitWasm({ ...moduleOf([]), floatBytes: 8 })).toThrow("4-byte floats");
  });

  it("make identifiers of any names", async () => {
    const names = ["class", "fc1.weight", "fc1_weight", "Math", "2·x", "F", "uniform"];
    const buffers = names.map((name): Buffer => ({ name, elem: "f32" }));
    const copies = buffers.slice(1).map((buffer, i): Stmt => {
      const value: Expr = { k: "load", ty: "f32", buffer: buffers[i], at: at(0), stride: 0 };
      return { k: "store", buffer, at: at(0), value, stride: 1 };
    });
    const kernel: Kernel = { name: "delete", buffers, n: { name: "default", ty: "i32" }, body: copies };
    const args = buffers.map((_, i) => 4 * i);
    const engine = await instantiateJs(emitJs(moduleOf([{ kernel, args, writes: [] }])));
    new Float32Array(engine.memory)[0] = 7;
    engine.run("main", 1);
    expect([...new Float32Array(engine.memory, 0, 8)]).toEqual([7, 7, 7, 7, 7, 7, 7, 0]);
  });

  it("scan only the samples of the call where a region is per sample", async () => {
    const writes = [{ label: "x", address: 100, elements: 2, perSample: true, span: null }];
    const calls = [{ ...call(scale("copy", 1), 0, 100), writes }];
    const wasm = instantiateWasm(emitWasm(moduleOf(calls, true)));
    const js = await instantiateJs(emitJs(moduleOf(calls, true)));
    for (const memory of [wasm.memory.buffer, js.memory]) new Float32Array(memory, 0, 5).set([1, 1, 1, NaN, 1]);
    for (const [n, expected] of [
      [0, 0],
      [1, 0],
      [2, 1],
    ]) {
      expect([wasm.main(n), js.run("main", n)]).toEqual([expected, expected]);
    }
  });
});
