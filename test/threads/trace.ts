/** What a thread of a shared kernel reads and writes: the loop IR, run for its addresses alone. */
import { accesses, blocks, eachStmt } from "../../compiler/4-codegen/traverse.ts";
import type { Affine, Buffer, Call, Expr, Kernel, Local, Stmt } from "../../compiler/ir/loops.ts";

/** Addresses touched between two barriers, in bytes. */
export interface Phase {
  readonly reads: Set<number>;
  readonly writes: Set<number>;
}

const SIZE = { f32: 4, i32: 4, u8: 1 };

export function trace(call: Call, kernel: Kernel, n: number, thread: number, threads: number, scratch: number) {
  return new Tracer(call, kernel, n, thread, threads, scratch).run();
}

class Tracer {
  private readonly phases: Phase[] = [{ reads: new Set(), writes: new Set() }];
  private readonly locals = new Map<Local, number>();
  private readonly starts: ReadonlyMap<Buffer, number>;
  /** Buffers whose memory the kernel writes: only reads of these can meet a write. */
  private readonly written: ReadonlySet<Buffer>;
  private readonly idle = new Map<Stmt, boolean>();

  constructor(
    call: Call,
    private readonly kernel: Kernel,
    n: number,
    private readonly thread: number,
    private readonly threads: number,
    scratch: number,
  ) {
    this.starts = new Map(
      kernel.buffers.map((buffer, i) => [buffer, call.args[i] + (buffer.private ? thread * scratch : 0)]),
    );
    const places = new Set<number>();
    eachStmt(kernel.body, (s) => {
      if (s.k === "store" || s.k === "zero") places.add(this.starts.get(s.buffer)!);
    });
    this.written = new Set(kernel.buffers.filter((buffer) => places.has(this.starts.get(buffer)!)));
    this.locals.set(kernel.n, n);
  }

  run(): Phase[] {
    this.block(this.kernel.body);
    return this.phases;
  }

  private block(block: readonly Stmt[]): void {
    for (const s of block) this.statement(s);
  }

  private statement(s: Stmt): void {
    const phase = this.phases[this.phases.length - 1];
    for (const { buffer, at } of accesses(s)) if (this.written.has(buffer)) this.touch(s, buffer, at, phase);
    switch (s.k) {
      case "let":
      case "set":
        if (s.v.ty === "i32" || s.v.ty === "bool") this.locals.set(s.v, this.value(s.k === "let" ? s.init : s.value));
        return;
      case "if":
        return this.block(this.value(s.cond) ? s.then : s.else);
      case "for": {
        const [from, to] = [this.value(s.from), this.value(s.to)];
        if (this.isIdle(s)) return;
        for (let v = from; v < to; v += s.step) {
          this.locals.set(s.v, v);
          this.block(s.body);
        }
        return;
      }
      case "barrier":
        this.phases.push({ reads: new Set(), writes: new Set() });
    }
  }

  /** A loop that touches nothing of interest: the sums of a tile. */
  private isIdle(loop: Stmt): boolean {
    let idle = this.idle.get(loop);
    if (idle === undefined) {
      idle = true;
      for (const block of blocks(loop)) {
        eachStmt(block, (s) => {
          if (accesses(s).some(({ buffer }) => this.written.has(buffer))) idle = false;
          if (s.k === "barrier" || (s.k === "set" && s.v.ty === "i32")) idle = false;
        });
      }
      this.idle.set(loop, idle);
    }
    return idle;
  }

  private touch(s: Stmt, buffer: Buffer, at: Affine, { reads, writes }: Phase): void {
    const first = at.terms.reduce((sum, { v, by }) => sum + by * this.local(v), at.base);
    const [start, size] = [this.starts.get(buffer)!, SIZE[buffer.elem]];
    if (s.k === "zero") {
      for (let i = 0; i < this.value(s.count); i++) writes.add(start + size * (first + i));
    } else if (s.k === "store" && s.buffer === buffer && s.at === at) {
      const lanes = s.value.ty.endsWith("x4") ? (s.count ?? 4) : 1;
      for (let lane = 0; lane < lanes; lane++) writes.add(start + size * (first + lane * s.stride));
    } else {
      // Lanes behind the first may lie beyond what is needed: they are loaded and not used.
      reads.add(start + size * first);
    }
  }

  private local(v: Local): number {
    const value = this.locals.get(v);
    if (value === undefined) throw new Error(`${v.name} has no value`);
    return value;
  }

  private value(e: Expr): number {
    switch (e.k) {
      case "const":
        return Number(e.value);
      case "local":
        return e.ty === "i32" || e.ty === "bool" ? this.local(e.v) : 0;
      case "share": {
        const number = e.fromLast ? this.threads - 1 - this.thread : this.thread;
        return Math.ceil((this.value(e.trips) * (number + (e.end ? 1 : 0))) / this.threads);
      }
      case "binary": {
        const [a, b] = [this.value(e.a), this.value(e.b)];
        if (e.op === "add") return a + b;
        if (e.op === "sub") return a - b;
        if (e.op === "mul") return a * b;
        if (e.op === "div") return Math.floor(a / b);
        if (e.op === "rem") return a - b * Math.floor(a / b);
        if (e.op === "min") return Math.min(a, b);
        if (e.op === "max") return Math.max(a, b);
        if (e.op === "and") return a & b;
        return e.op === "or" ? a | b : 0;
      }
      case "compare": {
        const [a, b] = [this.value(e.a), this.value(e.b)];
        const holds = { eq: a === b, ne: a !== b, lt: a < b, le: a <= b, gt: a > b, ge: a >= b }[e.op];
        return Number(holds);
      }
      case "select":
        return this.value(e.cond) ? this.value(e.a) : this.value(e.b);
      default:
        return 0;
    }
  }
}
