/** What the machine can do at best, measured by two small kernels of the same loop IR that models are compiled to. */
import type { Affine, Buffer, Expr, Kernel, Local, Stmt } from "../../ir/loops.ts";
import { startPrograms } from "./engine.ts";

export interface Machine {
  /** f32 multiplications and additions in SIMD, of all threads together: the most that was measured between the steps. */
  readonly gflops: number;
  /** Bytes read and written by a pass over more memory than caches hold, of all threads together. */
  readonly gbytes: number;
}

const N: Local = { name: "n", ty: "i32" };
const int = (name: string): Local => ({ name, ty: "i32" });
const vector = (name: string): Local => ({ name, ty: "f32x4" });
const read = (v: Local): Expr => ({ k: "local", ty: v.ty, v });
const i32 = (value: number): Expr => ({ k: "const", ty: "i32", value });
const f32x4 = (value: number): Expr => ({ k: "const", ty: "f32x4", value });
const binary = (op: "add" | "mul", a: Expr, b: Expr): Expr => ({ k: "binary", ty: "f32x4", op, a, b });
const at = (v: Local): Affine => ({ base: 0, terms: [{ v, by: 1 }] });

/** Enough chains acc = acc·c + d in registers to hide the latency of both instructions. */
const CHAINS = 12;
const TRIPS = 100_000;
/** Each thread of a team runs as many. */
const TEAMS = 64;

function arithmetic(threads: number): Kernel {
  const out: Buffer = { name: "out", elem: "f32" };
  const chains = Array.from({ length: CHAINS }, (_, i) => vector(`acc${i}`));
  const [part, trip] = [int("part"), int("trip")];
  const step = (v: Local): Stmt => {
    return { k: "set", v, value: binary("add", binary("mul", read(v), f32x4(0.999)), f32x4(0.001)) };
  };
  const sum = chains.map(read).reduce((a, b) => binary("add", a, b));
  const body: Stmt[] = [
    ...chains.map((v): Stmt => ({ k: "let", v, init: f32x4(1) })),
    { k: "for", v: trip, from: i32(0), to: i32(TRIPS / TEAMS), step: 1, body: chains.map(step) },
    { k: "store", buffer: out, at: { base: 0, terms: [{ v: part, by: 4 }] }, value: sum, stride: 1 },
  ];
  const to = i32(TEAMS * threads);
  return {
    name: "arithmetic",
    buffers: [out],
    n: N,
    body: [{ k: "for", v: part, from: i32(0), to, step: 1, body, parallel: "first" }],
  };
}

/** Of each of the two arrays: more than a processor's last cache. */
const STREAM = 2 ** 24;

function stream(): Kernel {
  const [from, to] = ["from", "to"].map((name): Buffer => ({ name, elem: "f32" }));
  const i = int("i");
  const value = binary("mul", { k: "load", ty: "f32x4", buffer: from, at: at(i), stride: 1 }, f32x4(0.999));
  const body: Stmt[] = [{ k: "store", buffer: to, at: at(i), value, stride: 1 }];
  return {
    name: "stream",
    buffers: [from, to],
    n: N,
    body: [{ k: "for", v: i, from: i32(0), to: i32(STREAM), step: 4, body, parallel: "first" }],
  };
}

const START = 4096;
/** Of passes over memory. */
const MILLISECONDS = 200;
/** Runs of arithmetic that are one measurement: other load can only slow them down. */
const RUNS = 8;

/** The machine, ready to be measured, on so many threads. */
export interface Limits {
  /** Of a millisecond. It leaves caches as they are, so that it can be measured between two steps. */
  gflops(): number;
  gbytes(): number;
  dispose(): void;
}

export async function startLimits(threads: number): Promise<Limits> {
  const addresses = [START, START + 4 * STREAM + 64];
  const engine = await startPrograms(
    {
      programs: [
        { name: "arithmetic", steps: [{ kernel: arithmetic(threads), args: [START], writes: [] }] },
        { name: "stream", steps: [{ kernel: stream(), args: addresses, writes: [] }] },
      ],
      memoryBytes: START + 8 * STREAM + 4096,
      floatBytes: 4,
      checkFinite: false,
    },
    threads,
  );
  const seconds = (program: string): number => {
    const start = performance.now();
    engine.run(program, 1);
    return (performance.now() - start) / 1e3;
  };
  const flops = Math.floor(TRIPS / TEAMS) * TEAMS * threads * CHAINS * 8;
  return {
    gflops: () => flops / Math.min(...Array.from({ length: RUNS }, () => seconds("arithmetic"))) / 1e9,
    gbytes: () => {
      let least = Number.POSITIVE_INFINITY;
      for (const end = performance.now() + MILLISECONDS; performance.now() < end; )
        least = Math.min(least, seconds("stream"));
      return (8 * STREAM) / least / 1e9;
    },
    dispose: () => engine.dispose?.(),
  };
}
