/** Between two barriers, no thread of a shared kernel touches what another one writes; and together they write it all. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isParallel, shareOut } from "../../compiler/4-codegen/parallel.ts";
import { compile } from "../../compiler/compile.ts";
import { type Call, isBlocks, type Kernel, type LoopModule, type Stmt } from "../../compiler/ir/loops.ts";
import { canonicalKernel } from "../../compiler/ir/loops-text.ts";
import { ops } from "../../compiler/ops/index.ts";
import { load, targets } from "../kernels/run.ts";
import { moduleOf } from "../kernels/sample.ts";
import { trace } from "./trace.ts";

const names = (addresses: Iterable<number>) => [...addresses].slice(0, 3).join(", ");

/** What is wrong with a call that so many threads share. */
function races(call: Call, n: number, threads: number, scratch: number): string[] {
  const kernel = shareOut(call.kernel, 0);
  if (!kernel) return [];
  const each = Array.from({ length: threads }, (_, t) => trace(call, kernel, n, t, threads, scratch));
  const alone = trace(call, kernel, n, 0, 1, scratch);
  const own = new Set(call.args.filter((_, i) => call.kernel.buffers[i].private));
  const found: string[] = [];
  const say = (what: string) => found.push(`${call.kernel.name}, ${threads} threads: ${what}`);
  alone.forEach((whole, phase) => {
    const all = new Set<number>();
    each.forEach((phases, t) => {
      const { writes } = phases[phase];
      for (const address of writes) all.add(address);
      for (let u = 0; u < threads; u++) {
        if (u === t) continue;
        const { reads, writes: others } = each[u][phase];
        const twice = [...writes].filter((a) => others.has(a));
        if (twice.length > 0) say(`${t} and ${u} write ${names(twice)}`);
        const early = [...writes].filter((a) => reads.has(a));
        if (early.length > 0) say(`${u} reads what ${t} writes: ${names(early)}`);
      }
    });
    if (own.size === 0) {
      const missing = [...whole.writes].filter((a) => !all.has(a));
      if (missing.length > 0 || all.size !== whole.writes.size) say(`not written: ${names(missing)}`);
    }
  });
  return found;
}

/** Kernels that are equal but for names and places are looked at once. */
function racesOf({ programs, scratchBytes = 0 }: LoopModule, samples: readonly number[], teams: readonly number[]) {
  const all = programs.flatMap((p) => p.steps.filter((step): step is Call => !isBlocks(step)));
  const calls = [...new Map(all.map((call) => [`${canonicalKernel(call.kernel)} ${sharing(call)}`, call])).values()];
  const found = calls.flatMap((call) =>
    teams.flatMap((threads) => samples.flatMap((n) => races(call, n, threads, scratchBytes))),
  );
  return { found, shared: calls.filter(({ kernel }) => isParallel(kernel)).length };
}

/** Which of the arguments are the same memory. */
const sharing = ({ args }: Call) => args.map((address) => args.indexOf(address)).join();

const model = (name: string) => readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");

describe("models", () => {
  test.each([
    ["tutorial", "strict", 3],
    ["tutorial", "fast", 3],
    ["mlp", "strict", 9],
    ["mobilenet_small", "strict", 2],
    ["vit_tiny", "strict", 2],
    ["resnet20", "strict", 2],
    ["resnet20", "fast", 2],
  ] as const)("%s, %s", (name, numerics, batch) => {
    const { loops } = compile(model(name), { numerics, batch });
    const { found, shared } = racesOf(loops, [batch], [3]);
    expect(found).toEqual([]);
    expect(shared).toBeGreaterThan(10);
  });
});

const own = ops.filter((op) => op.category !== "leaf" && op.name !== "grad");

describe.each(["wasm", "fast"] as const)("kernels of primitives, %s", (target) => {
  test.each(own.map((op) => [op.name, op] as const))("%s", async (_, op) => {
    for (const [i, sample] of op.samples.entries()) {
      if (sample.inputs.some((x) => (x.dtype as string) === "u8" || x.shape.slice(1).includes("n"))) continue;
      const { b, module, n } = moduleOf(op, sample, i + 1);
      const { assembled } = await load(module, b, targets[target]);
      expect(racesOf(assembled.loops, [n], [2, 5]).found, `sample ${i}`).toEqual([]);
    }
  });
});

describe("a kernel is one thread's work", () => {
  const x = { name: "x", elem: "f32" } as const;
  const n = { name: "n", ty: "i32" } as const;
  const i = { name: "i", ty: "i32" } as const;
  const sum = { name: "sum", ty: "f32" } as const;
  const number = (value: number) => ({ k: "const", ty: "f32", value }) as const;
  const count = (value: number) => ({ k: "const", ty: "i32", value }) as const;
  const at = { base: 0, terms: [{ v: i, by: 1 }] };
  const store: Stmt = { k: "store", buffer: x, at, value: number(1), stride: 0 };
  const loop = (...body: Stmt[]): Stmt => ({
    k: "for",
    v: i,
    from: count(0),
    to: count(10_000),
    step: 1,
    body,
    parallel: "first",
  });
  const kernel = (...body: Stmt[]): Kernel => ({ name: "k", buffers: [x], n, body });

  test("if it writes outside of parallel loops, or within two", () => {
    expect(isParallel(kernel(loop(store)))).toBe(true);
    expect(isParallel(kernel(loop(store), { ...store, at: { base: 0, terms: [] } }))).toBe(false);
    expect(isParallel(kernel(loop(loop(store))))).toBe(false);
    expect(isParallel(kernel({ k: "zero", buffer: x, at: { base: 0, terms: [] }, count: count(3) }))).toBe(false);
  });

  test("if a loop carries a value from one iteration to the next", () => {
    const start: Stmt = { k: "let", v: sum, init: number(0) };
    const set: Stmt = { k: "set", v: sum, value: number(1) };
    expect(isParallel(kernel(start, loop(set, store)))).toBe(false);
    expect(isParallel(kernel(loop(start, set, store)))).toBe(true);
  });

  test("if not all threads would meet its barriers", () => {
    expect(isParallel(kernel(loop(store), { k: "barrier" }, loop(store)))).toBe(true);
    expect(isParallel(kernel(loop(store, { k: "barrier" })))).toBe(false);
  });

  test("if it is short", () => {
    expect(shareOut(kernel(loop(store)))).not.toBeNull();
    const short = { ...(loop(store) as Stmt & { k: "for" }), to: count(10) };
    expect(shareOut(kernel(short))).toBeNull();
    expect(shareOut(kernel(short), 0)).not.toBeNull();
  });
});
