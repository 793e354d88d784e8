/** Hand-written loop IR of the two kernels that matter most, to measure what the WASM backend makes of register tiles. */
import { emitWasm } from "../../compiler/4-codegen/wasm-backend.ts";
import type { Affine, Buffer, Expr, Kernel, Local, Stmt } from "../../compiler/ir/loops.ts";

const i32 = (value: number): Expr => ({ k: "const", ty: "i32", value });
const read = (v: Local): Expr => ({ k: "local", ty: v.ty, v });
const int = (name: string): Local => ({ name, ty: "i32" });
const vector = (name: string): Local => ({ name, ty: "f32x4" });
const at = (base: number, ...terms: [Local, number][]): Affine => ({
  base,
  terms: terms.map(([v, by]) => ({ v, by })),
});
const loop = (v: Local, from: Expr, to: Expr, step: number, body: Stmt[]): Stmt => ({
  k: "for",
  v,
  from,
  to,
  step,
  body,
});

const ROWS = 4;
const VECTORS = 2;

/** 4×2 accumulators over `depth`, read at `left` (splat) and `right` (two vectors), then stored at `out`. */
function tile(
  loops: (body: Stmt[]) => Stmt[],
  left: (row: number) => [Buffer, Affine],
  right: (v: number) => [Buffer, Affine],
  out: (row: number, v: number) => [Buffer, Affine],
): Stmt[] {
  const acc = Array.from({ length: ROWS }, (_, r) => Array.from({ length: VECTORS }, (_, v) => vector(`acc${r}${v}`)));
  const b = Array.from({ length: VECTORS }, (_, v) => vector(`b${v}`));
  const a = vector("a");
  const load = ([buffer, place]: [Buffer, Affine], stride: number): Expr => ({
    k: "load",
    ty: "f32x4",
    buffer,
    at: place,
    stride,
  });
  const body: Stmt[] = b.map((v, i) => ({ k: "let", v, init: load(right(i), 1) }));
  for (let r = 0; r < ROWS; r++) {
    body.push({ k: "let", v: a, init: load(left(r), 0) });
    acc[r].forEach((sum, v) => {
      const product: Expr = { k: "binary", ty: "f32x4", op: "mul", a: read(a), b: read(b[v]) };
      body.push({ k: "set", v: sum, value: { k: "binary", ty: "f32x4", op: "add", a: read(sum), b: product } });
    });
  }
  const zero: Expr = { k: "const", ty: "f32x4", value: 0 };
  const start = acc.flat().map((v): Stmt => ({ k: "let", v, init: zero }));
  const stores = acc.flatMap((row, r) =>
    row.map((sum, v): Stmt => {
      const [buffer, place] = out(r, v);
      return { k: "store", buffer, at: place, value: read(sum), stride: 1 };
    }),
  );
  return [...start, ...loops(body), ...stores];
}

/** C[m, n] = A[m, k] · B, with B packed in panels [n/8][k][8]. */
export function matmulKernel(m: number, n: number, depth: number): Kernel {
  const [a, b, c] = ["a", "b", "c"].map((name): Buffer => ({ name, elem: "f32" }));
  const [i, j, k] = ["i", "j", "k"].map(int);
  const inner = tile(
    (body) => [loop(k, i32(0), i32(depth), 1, body)],
    (r) => [a, at(r * depth, [i, depth], [k, 1])],
    (v) => [b, at(4 * v, [j, depth], [k, 8])],
    (r, v) => [c, at(r * n + 4 * v, [i, n], [j, 1])],
  );
  const body = [loop(j, i32(0), i32(n), 8, [loop(i, i32(0), i32(m), ROWS, inner)])];
  return { name: "matmul", buffers: [a, b, c], n: int("n"), body };
}

/** Channels-last convolution of stride 1 on an image padded in the width: y[n, h, w, o] = Σ x[n, h+i-p, w+j, c] w[o, i, j, c]. */
function convKernel(size: number, kernel: number, inputs: number, outputs: number): Kernel {
  const padding = (kernel - 1) / 2;
  const row = (size + 2 * padding) * inputs;
  const [x, w, y] = ["x", "w", "y"].map((name): Buffer => ({ name, elem: "f32" }));
  const [s, o, h, q, i, k] = ["s", "o", "h", "q", "i", "k"].map(int);
  const [first, last] = [int("first"), int("last")];
  const n = int("n");
  const max = (a: Expr, b: Expr): Expr => ({ k: "binary", ty: "i32", op: "max", a, b });
  const min = (a: Expr, b: Expr): Expr => ({ k: "binary", ty: "i32", op: "min", a, b });
  const sub = (a: Expr, b: Expr): Expr => ({ k: "binary", ty: "i32", op: "sub", a, b });
  const window = kernel * inputs;
  const inner = tile(
    (body) => [loop(i, read(first), read(last), 1, [loop(k, i32(0), i32(window), 1, body)])],
    (r) => [x, at(r * inputs - padding * row, [s, size * row], [h, row], [i, row], [q, inputs], [k, 1])],
    (v) => [w, at(4 * v, [o, kernel * window], [i, window * 8], [k, 8])],
    (r, v) => [y, at(r * outputs + 4 * v, [s, size * size * outputs], [h, size * outputs], [q, outputs], [o, 1])],
  );
  const rows: Stmt[] = [
    { k: "let", v: first, init: max(i32(0), sub(i32(padding), read(h))) },
    { k: "let", v: last, init: min(i32(kernel), sub(i32(size + padding), read(h))) },
    loop(q, i32(0), i32(size), ROWS, inner),
  ];
  const body = [loop(s, i32(0), read(n), 1, [loop(o, i32(0), i32(outputs), 8, [loop(h, i32(0), i32(size), 1, rows)])])];
  return { name: "conv", buffers: [x, w, y], n, body };
}

interface Case {
  readonly name: string;
  readonly kernel: Kernel;
  /** Elements of each buffer. */
  readonly sizes: readonly number[];
  readonly flops: number;
}

const SAMPLES = 16;

function convCase(size: number, kernel: number, inputs: number, outputs: number): Case {
  const wide = size + kernel - 1;
  const taps = Array.from({ length: size }, (_, h) => {
    const padding = (kernel - 1) / 2;
    return Math.min(kernel, size + padding - h) - Math.max(0, padding - h);
  }).reduce((a, b) => a + b);
  return {
    name: `conv ${kernel}x${kernel} ${inputs}->${outputs} on ${size}x${size}`,
    kernel: convKernel(size, kernel, inputs, outputs),
    sizes: [SAMPLES * size * wide * inputs, kernel * kernel * inputs * outputs, SAMPLES * size * size * outputs],
    flops: 2 * SAMPLES * taps * size * kernel * inputs * outputs,
  };
}

const matmulCase = (m: number, n: number, k: number): Case => ({
  name: `matmul ${m}x${k} by ${k}x${n}`,
  kernel: matmulKernel(m, n, k),
  sizes: [m * k, k * n, m * n],
  flops: 2 * m * n * k,
});

export interface Timed {
  readonly name: string;
  readonly flops: number;
  readonly wasm: Uint8Array;
  run(): void;
}

export function cases(): Timed[] {
  const all = [matmulCase(64, 64, 1024), matmulCase(256, 32, 32), convCase(16, 5, 32, 32), convCase(32, 5, 3, 32)];
  return all.map(({ name, kernel, sizes, flops }) => {
    let end = 64;
    const args = sizes.map((size) => {
      const start = end;
      end += 4 * size + 64;
      return start;
    });
    const steps = [{ kernel, args, writes: [] }];
    const module = {
      programs: [{ name: "main", steps }],
      memoryBytes: end,
      floatBytes: 4 as const,
      checkFinite: false,
    };
    const wasm = emitWasm(module, { names: true });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm as BufferSource));
    const { main, memory } = exports as unknown as { main(n: number): number; memory: WebAssembly.Memory };
    new Float32Array(memory.buffer).fill(1e-3);
    return { name, flops, wasm, run: () => main(SAMPLES) };
  });
}
