/** Writes one kernel: statements, loops, and the buffers it touches. */
import {
  type Affine,
  type Buffer,
  type Elem,
  type Expr,
  type Kernel,
  type Local,
  ScalarBuilder,
  type Stmt,
  type Ty,
} from "../ir/loops.ts";
import { unswitch } from "./unswitch.ts";

export const affine = (base = 0, ...terms: [Local, number][]): Affine => ({
  base,
  terms: terms.filter(([, by]) => by !== 0).map(([v, by]) => ({ v, by })),
});

/** a + by·b */
export function addAffine(a: Affine, b: Affine, by = 1): Affine {
  const terms = a.terms.map((t) => ({ ...t }));
  for (const { v, by: c } of b.terms) {
    const same = terms.find((t) => t.v === v);
    if (same) same.by += c * by;
    else terms.push({ v, by: c * by });
  }
  return { base: a.base + b.base * by, terms: terms.filter((t) => t.by !== 0) };
}

export const scaleAffine = (a: Affine, by: number): Affine => addAffine(affine(), a, by);

export type Parallel = "first" | "last";

export class KernelBuilder {
  readonly e = new ScalarBuilder();
  readonly n: Local = { name: "n", ty: "i32" };
  /** The indices that have become numbers. */
  readonly indices: Affine[] = [];
  private readonly buffers: Buffer[] = [];
  private readonly prelude: Stmt[] = [];
  private readonly flags = new Set<Local>();
  private readonly blocks: Stmt[][] = [[]];
  private count = 0;
  private first: Local | undefined;
  private begun: Local | undefined;
  private readonly held = new Map<boolean, Local>();
  private readonly numbers = new Map<string, Local>();

  /** `own`: each thread has one of its own. */
  buffer(name: string, elem: Elem, own = false): Buffer {
    const buffer: Buffer = own ? { name, elem, private: true } : { name, elem };
    this.buffers.push(buffer);
    return buffer;
  }

  /** The number in the batch of the first sample. */
  firstSample(): Local {
    this.first ??= { name: "first", ty: "i32" };
    return this.first;
  }

  /** Whether the sums in memory hold any samples: a flag, or a mask of it. */
  holdsSums(vector: boolean): Expr {
    const { e } = this;
    this.begun ??= { name: "begun", ty: "i32" };
    const begun = vector ? e.splat(e.local(this.begun)) : e.local(this.begun);
    const held = this.held.get(vector) ?? this.hoisted(e.compare("ne", begun, e.const(0, "i32")), "held");
    this.held.set(vector, held);
    return e.local(held);
  }

  local(ty: Ty, name: string): Local {
    return { name: `${name}${this.count++}`, ty };
  }

  add(stmt: Stmt): void {
    this.blocks[this.blocks.length - 1].push(stmt);
  }

  /** Names a value, so that it is computed once. */
  let(init: Expr, name = "t"): Expr {
    return this.e.local(this.variable(init, name));
  }
  variable(init: Expr, name = "t"): Local {
    const v = this.local(init.ty, name);
    this.add({ k: "let", v, init });
    return v;
  }
  /** A number in memory, read once before everything else in the kernel. */
  number(ty: Ty, buffer: Buffer, at = 0): Expr {
    const key = `${buffer.name}@${at}`;
    const known = this.numbers.get(key) ?? this.hoisted({ k: "load", ty, buffer, at: affine(at), stride: 0 });
    this.numbers.set(key, known);
    return this.e.local(known);
  }
  /** A value computed once, before everything else in the kernel. */
  hoisted(init: Expr, name = "c"): Local {
    const v = this.local(init.ty, name);
    this.prelude.push({ k: "let", v, init });
    return v;
  }
  /** `flag ? a : b` for a flag that is hoisted: of the loops around it there will be two, one for either. */
  choose(flag: Local, a: Expr, b: Expr): Expr {
    this.flags.add(flag);
    return this.let(this.e.select(this.e.local(flag), a, b));
  }
  set(v: Local, value: Expr): void {
    this.add({ k: "set", v, value });
  }

  for(
    name: string,
    from: Expr | number,
    to: Expr | number,
    step: number,
    body: (v: Local) => void,
    parallel?: Parallel | false,
  ): void {
    const v = this.local("i32", name);
    const bound = (x: Expr | number) => (typeof x === "number" ? this.e.const(x, "i32") : x);
    const loop: Stmt = { k: "for", v, from: bound(from), to: bound(to), step, body: this.block(() => body(v)) };
    this.add(parallel ? { ...loop, parallel } : loop);
  }
  if(cond: Expr, then: () => void, otherwise: () => void = () => {}): void {
    this.add({ k: "if", cond, then: this.block(then), else: this.block(otherwise) });
  }

  /** A number known when the kernel is compiled, or computed from `n`. */
  dim(dim: number | "n"): Expr | number {
    return dim === "n" ? this.e.local(this.n) : dim;
  }

  /** base + Σ by·v as an i32 expression. */
  index(a: Affine): Expr {
    const { e } = this;
    this.indices.push(a);
    let sum: Expr | null = null;
    for (const { v, by } of a.terms) {
      const term = by === 1 ? e.local(v) : e.mul(e.local(v), e.const(by, "i32"));
      sum = sum ? e.add(sum, term) : term;
    }
    if (!sum) return e.const(a.base, "i32");
    return a.base === 0 ? sum : e.add(sum, e.const(a.base, "i32"));
  }

  finish(name: string): Kernel {
    return {
      name,
      buffers: this.buffers,
      n: this.n,
      ...(this.first && { first: this.first }),
      ...(this.begun && { begun: this.begun }),
      body: [...this.prelude, ...unswitch(this.blocks[0], this.flags)],
    };
  }

  private block(write: () => void): Stmt[] {
    const block: Stmt[] = [];
    this.blocks.push(block);
    write();
    this.blocks.pop();
    return block;
  }
}
