import { describe, expect, it } from "vitest";
import { reduceStrength } from "../../compiler/4-codegen/strength.ts";
import { accesses, eachStmt } from "../../compiler/4-codegen/traverse.ts";
import type { Affine, Buffer, Expr, Kernel, Local, Stmt } from "../../compiler/ir/loops.ts";
import { printKernel } from "../../compiler/ir/loops-text.ts";
import { matmulKernel } from "../bench/tiles.ts";
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

  /** A local with a loaded or computed index, or a loop-invariant value. */
  private named(): Stmt[] {
    const v = int(`t${this.count++}`);
    const a = this.pick();
    const [low, high] = this.bounds.get(a)!;
    const of = (op: "add" | "div", by: number): Expr => ({ k: "binary", ty: "i32", op, a: read(a), b: i32(by) });
    const table = this.table;
    const [init, bounds]: [Expr, [number, number]] = [
      () => [{ k: "load", ty: "i32", buffer: table, at: this.within(0, 49, 0), stride: 0 }, [0, 9]],
      () => [of("add", -1), [low - 1, high - 1]],
      () => [of("div", 3), [Math.floor(low / 3), Math.floor(high / 3)]],
    ][this.rng.below(3)]() as [Expr, [number, number]];
    this.bounds.set(v, bounds);
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

/** Says which kernel failed. */
function labelled(label: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    throw new Error(`${error}, ${label}`, { cause: error });
  }
}

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
        labelled(label, () => evaluate(reduced, byReduced, samples));
        expect(byReduced.get(maker.y), label).toEqual(expected.get(maker.y));
        const byWasm = copyOf(start);
        labelled(label, () => runWasm(kernel, byWasm, samples));
        expect(byWasm.get(maker.y), label).toEqual(expected.get(maker.y));
        if (vectors) continue;
        const byJs = copyOf(start);
        await runJs(kernel, byJs, samples);
        expect(byJs.get(maker.y), label).toEqual(expected.get(maker.y));
      }
    });
  }
});

/** The statements of the innermost loop that is reached through the last statement of each loop. */
function innermost(block: readonly Stmt[]): readonly Stmt[] {
  let body = block;
  eachStmt(block, (s) => {
    if (s.k === "loop" && !s.body.some((inner) => inner.k === "loop" || inner.k === "if")) body = s.body;
  });
  return body;
}

describe("the reduced form", () => {
  it("of a register tile has one pointer a stream, rows by offsets, and no counter", () => {
    const inner = innermost(reduceStrength(matmulKernel(16, 16, 32)).body);
    const text = inner.map((s) => (s.k === "point" ? `${s.v.name} += ${s.at.base}` : s.k)).sort();
    const steps = ["a_k += 1", "b_k += 8"];
    expect(text).toEqual([...steps, ...new Array(6).fill("let"), ...new Array(8).fill("set")]);
    const offsets = inner.flatMap(accesses).map(({ buffer, at }) => `${buffer.name} ${at.base}`);
    expect(offsets).toEqual(["b 0", "b 4", "a 0", "a 32", "a 64", "a 96"]);
  });

  it("guards loops only whose bounds do not show that they run", () => {
    const [x, y]: Buffer[] = ["x", "y"].map((name) => ({ name, elem: "f32" }));
    const [i, n] = [int("i"), int("n")];
    const at: Affine = { base: 0, terms: [{ v: i, by: 1 }] };
    const value: Expr = { k: "load", ty: "f32", buffer: x, at, stride: 1 };
    const body: Stmt[] = [{ k: "store", buffer: y, at, value, stride: 1 }];
    const kinds = (from: Expr, to: Expr) => {
      const loop: Stmt = { k: "for", v: i, from, to, step: 1, body };
      return reduceStrength({ name: "copy", buffers: [x, y], n, body: [loop] }).body.map((s) => s.k);
    };
    const clamp = (op: "max" | "min", limit: number): Expr => ({
      k: "binary",
      ty: "i32",
      op,
      a: read(n),
      b: i32(limit),
    });
    expect(kinds(i32(0), i32(5))).not.toContain("if");
    expect(kinds(i32(0), read(n))).toContain("if");
    expect(kinds(clamp("min", 3), clamp("max", 4))).not.toContain("if");
    expect(kinds(clamp("min", 4), clamp("max", 4))).toContain("if");
    expect(kinds(i32(5), i32(5))).toEqual([]);
    expect(kinds(i32(5), i32(6))).toEqual(["store"]);
  });

  it("opens short loops, with locals of their own", () => {
    const [x, y]: Buffer[] = ["x", "y"].map((name) => ({ name, elem: "f32" }));
    const [i, n] = [int("i"), int("n")];
    const t: Local = { name: "t", ty: "f32" };
    const at: Affine = { base: 2, terms: [{ v: i, by: 5 }] };
    const load: Expr = { k: "load", ty: "f32", buffer: x, at, stride: 1 };
    const body: Stmt[] = [
      { k: "let", v: t, init: load },
      { k: "store", buffer: y, at, value: { k: "local", ty: "f32", v: t }, stride: 1 },
    ];
    const opened = (to: number) => {
      const loop: Stmt = { k: "for", v: i, from: i32(1), to: i32(to), step: 1, body };
      return reduceStrength({ name: "copy", buffers: [x, y], n, body: [loop] }).body;
    };
    const three = opened(4);
    expect(three.flatMap(accesses).map(({ buffer, at }) => `${buffer.name} ${at.base}`)).toEqual(
      [7, 12, 17].flatMap((base) => [`x ${base}`, `y ${base}`]),
    );
    expect(new Set(three.flatMap((s) => (s.k === "let" ? [s.v] : []))).size).toBe(3);
    expect(opened(20).some((s) => s.k === "loop")).toBe(true);
  });

  it("moves loads out of loops that write nothing, and of no others", () => {
    const [x, y]: Buffer[] = ["x", "y"].map((name) => ({ name, elem: "f32" }));
    const [i, n] = [int("i"), int("n")];
    const [t, sum]: Local[] = ["t", "sum"].map((name) => ({ name, ty: "f32" }));
    const load: Expr = { k: "load", ty: "f32", buffer: x, at: { base: 3, terms: [] }, stride: 0 };
    const add: Expr = { k: "binary", ty: "f32", op: "add", a: read(sum), b: read(t) };
    const inLoop = (...rest: Stmt[]) => {
      const loop: Stmt = {
        k: "for",
        v: i,
        from: i32(0),
        to: i32(9),
        step: 1,
        body: [{ k: "let", v: t, init: load }, ...rest],
      };
      const body: Stmt[] = [{ k: "let", v: sum, init: { k: "const", ty: "f32", value: 0 } }, loop];
      return innermost(reduceStrength({ name: "k", buffers: [x, y], n, body }).body).flatMap(accesses).length;
    };
    const accumulate: Stmt = { k: "set", v: sum, value: add };
    const store: Stmt = { k: "store", buffer: y, at: { base: 0, terms: [] }, value: read(t), stride: 0 };
    expect(inLoop(accumulate)).toBe(0);
    expect(inLoop(accumulate, store)).toBe(2);
  });

  it("computes costly invariants once, and leaves the others where they are", () => {
    const y: Buffer = { name: "y", elem: "f32" };
    const [i, n, half, third] = [int("i"), int("n"), int("half"), int("third")];
    const divide = (v: Local, a: Local, by: number): Stmt => {
      return { k: "let", v, init: { k: "binary", ty: "i32", op: "div", a: read(a), b: i32(by) } };
    };
    const value: Expr = {
      k: "cast",
      ty: "f32",
      a: { k: "binary", ty: "i32", op: "add", a: read(half), b: read(third) },
    };
    const store: Stmt = { k: "store", buffer: y, at: { base: 0, terms: [{ v: i, by: 1 }] }, value, stride: 1 };
    const body = [divide(half, n, 2), divide(third, i, 3), store];
    const loop: Stmt = { k: "for", v: i, from: i32(0), to: i32(10), step: 1, body };
    const reduced = reduceStrength({ name: "spread", buffers: [y], n, body: [loop] }).body;
    expect(reduced[0]).toEqual(body[0]);
    expect(innermost(reduced)).toContainEqual(body[1]);
  });
});
