import { describe, expect, it } from "vitest";
import { reduceStrength } from "../../compiler/4-codegen/strength.ts";
import { eachStmt } from "../../compiler/4-codegen/traverse.ts";
import type { Affine, Buffer, Expr, Kernel, Local, Stmt } from "../../compiler/ir/loops.ts";
import { printKernel } from "../../compiler/ir/loops-text.ts";
import { evaluate } from "./evaluate.ts";
import { type Random, random } from "./random.ts";
import { runJs, runWasm } from "./run.ts";

const i32 = (value: number): Expr => ({ k: "const", ty: "i32", value });
const read = (v: Local): Expr => ({ k: "local", ty: v.ty, v });
const int = (name: string): Local => ({ name, ty: "i32" });

/** Random nests of loops and conditions around affine accesses that stay within the buffers. */
class NestMaker {
  readonly x: Buffer = { name: "x", elem: "f32" };
  readonly y: Buffer = { name: "y", elem: "f32" };
  readonly table: Buffer = { name: "table", elem: "i32" };
  readonly n = int("n");
  private count = 0;
  private vectors = false;

  constructor(
    private readonly rng: Random,
    private readonly samples: number,
  ) {}

  /** Bounds of the locals that may be read, by local. */
  private readonly bounds = new Map<Local, readonly [number, number]>();

  kernel(vectors: boolean): Kernel {
    this.vectors = vectors;
    this.bounds.set(this.n, [this.samples, this.samples]);
    return { name: "nest", buffers: [this.x, this.y, this.table], n: this.n, body: this.block(0) };
  }

  private block(depth: number): Stmt[] {
    const before = new Set(this.bounds.keys());
    const statements: Stmt[] = [];
    const count = 1 + this.rng.below(3);
    for (let i = 0; i < count; i++) statements.push(...this.statement(depth));
    for (const v of [...this.bounds.keys()]) if (!before.has(v)) this.bounds.delete(v);
    return statements;
  }

  private statement(depth: number): Stmt[] {
    const kind = this.rng.below(10);
    if (depth < 4 && kind < 5) return this.loop(depth);
    if (depth < 4 && kind < 6) return this.condition(depth);
    if (kind < 7) return this.named();
    return this.copy();
  }

  private loop(depth: number): Stmt[] {
    const v = int(`i${this.count++}`);
    const step = 1 + this.rng.below(3);
    const first = this.rng.below(5) - 2;
    const last = first + this.rng.below(7) - 1;
    const dynamic = this.rng.below(3);
    const from = dynamic === 1 ? this.atLeast(first) : { e: i32(first), low: first };
    const to = dynamic === 2 ? { e: read(this.n), high: this.samples } : { e: i32(last), high: last };
    this.bounds.set(v, [from.low, Math.max(to.high - 1, from.low)]);
    const body = this.block(depth + 1);
    this.bounds.delete(v);
    return [{ k: "for", v, from: from.e, to: to.e, step, body }];
  }

  /** max(first, some local) */
  private atLeast(first: number): { e: Expr; low: number } {
    const v = this.pick();
    return { e: { k: "binary", ty: "i32", op: "max", a: i32(first), b: read(v) }, low: first };
  }

  private condition(depth: number): Stmt[] {
    const cond: Expr = { k: "compare", ty: "bool", op: "gt", a: read(this.pick()), b: i32(this.rng.below(4)) };
    return [{ k: "if", cond, then: this.block(depth + 1), else: [] }];
  }

  /** A local with a loaded or computed index, or a loop-invariant sum. */
  private named(): Stmt[] {
    const v = int(`t${this.count++}`);
    const loaded = this.rng.below(2) === 0;
    const a = this.pick();
    const [low, high] = this.bounds.get(a)!;
    const init: Expr = loaded
      ? { k: "load", ty: "i32", buffer: this.table, at: this.within(0, 49, 0), stride: 0 }
      : { k: "binary", ty: "i32", op: "add", a: read(a), b: i32(-1) };
    this.bounds.set(v, loaded ? [0, 9] : [low - 1, high - 1]);
    return [{ k: "let", v, init }];
  }

  /** y[…] = 2·x[…] + y[…], or with a counter's value. */
  private copy(): Stmt[] {
    const lanes = this.vectors && this.rng.below(2) === 0;
    const ty = lanes ? "f32x4" : "f32";
    const stride = lanes ? [1, 2, -1, 3][this.rng.below(4)] : 1;
    const load = (buffer: Buffer): Expr => ({ k: "load", ty, buffer, at: this.within(0, 499, stride * 3), stride });
    const two: Expr = { k: "const", ty, value: 2 };
    const product: Expr = { k: "binary", ty, op: "mul", a: two, b: load(this.x) };
    const extra: Expr = { k: "cast", ty: "f32", a: read(this.pick()) };
    const added: Expr = this.rng.below(2) === 0 ? load(this.x) : lanes ? { k: "splat", ty, a: extra } : extra;
    const value: Expr = { k: "binary", ty, op: "add", a: product, b: added };
    return [{ k: "store", buffer: this.y, at: this.within(0, 499, stride * 3), value, stride }];
  }

  private pick(): Local {
    const all = [...this.bounds.keys()];
    return all[this.rng.below(all.length)];
  }

  /** A random affine index whose values, also `reach` further, lie in [low, high]. */
  private within(low: number, high: number, reach: number): Affine {
    const terms = new Map<Local, number>();
    for (let i = this.rng.below(4); i > 0; i--) terms.set(this.pick(), this.rng.below(15) - 5 || 1);
    let [least, most] = [Math.min(0, reach), Math.max(0, reach)];
    for (const [v, by] of terms) {
      const [a, b] = this.bounds.get(v)!;
      least += Math.min(a * by, b * by);
      most += Math.max(a * by, b * by);
    }
    if (most - least > high - low) return { base: low - Math.min(0, reach), terms: [] };
    const slack = high - low - (most - least);
    const base = low - least + (this.rng.below(3) === 0 ? 0 : this.rng.below(slack + 1));
    return { base, terms: [...terms].map(([v, by]) => ({ v, by })) };
  }
}

function inputs(maker: NestMaker, rng: Random): Map<Buffer, number[]> {
  return new Map([
    [maker.x, Array.from({ length: 500 }, () => rng.below(100))],
    [maker.y, new Array(500).fill(0)],
    [maker.table, Array.from({ length: 50 }, () => rng.below(10))],
  ]);
}

const copyOf = (arrays: Map<Buffer, number[]>) => new Map([...arrays].map(([b, values]) => [b, [...values]]));

describe("strength reduction keeps what random nests compute", () => {
  for (const vectors of [false, true]) {
    it(vectors ? "with vectors" : "with scalars", async () => {
      for (let seed = 1; seed <= 150; seed++) {
        const rng = random(seed);
        const samples = rng.below(5);
        const maker = new NestMaker(rng, samples);
        const kernel = maker.kernel(vectors);
        const start = inputs(maker, rng);
        const expected = copyOf(start);
        evaluate(kernel, expected, samples);
        const reduced = reduceStrength(kernel);
        const label = `seed ${seed}\n${printKernel(kernel)}\n${printKernel(reduced)}`;

        const byReduced = copyOf(start);
        try {
          evaluate(reduced, byReduced, samples);
        } catch (e) {
          throw new Error(label + e);
        }
        expect(byReduced.get(maker.y), label).toEqual(expected.get(maker.y));
        const byWasm = copyOf(start);
        try {
          runWasm(kernel, byWasm, samples);
        } catch (e) {
          throw new Error(label + e);
        }
        expect(byWasm.get(maker.y), label).toEqual(expected.get(maker.y));
        if (vectors) continue;
        const byJs = copyOf(start);
        await runJs(kernel, byJs, samples);
        expect(byJs.get(maker.y), label).toEqual(expected.get(maker.y));
      }
    });
  }
});

describe("the reduced form", () => {
  it("has no multiplication by a counter, and no negative offset", () => {
    for (let seed = 1; seed <= 150; seed++) {
      const maker = new NestMaker(random(seed), 3);
      const reduced = reduceStrength(maker.kernel(true));
      eachStmt(reduced.body, (s) => expect(s.k).not.toBe("for"));
    }
  });
});
