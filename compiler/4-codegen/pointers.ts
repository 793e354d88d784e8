/** Decides which pointers a loop needs for the addresses in its body. */
import type { Affine, Buffer, Local, Stmt } from "../ir/loops.ts";
import { plus, type Ranges, scale } from "./ranges.ts";
import { accesses, eachStmt, target } from "./traverse.ts";

type Block = readonly Stmt[];
type Terms = Affine["terms"];

/** v = &buffer[outer + by·counter + shift] */
export interface Pointer {
  readonly v: Local;
  readonly outer: Terms;
  readonly by: number;
  readonly shift: number;
}

/** An address as one loop sees it: outer + by·counter + inner + base. */
interface Split {
  /** Equal for addresses that may share a pointer: buffer, outer and by. */
  readonly key: string;
  readonly outer: Terms;
  readonly by: number;
  readonly inner: Terms;
}

/** Addresses of one buffer that differ by a constant, or by terms that are set within the loop. */
interface Group extends Split {
  readonly buffer: Buffer;
  /** The constants of addresses without inner terms, with the statement lists (outermost first) around each access. */
  readonly constants: Map<number, { low: number; readonly paths: (readonly Block[])[] }>;
  readonly pointers: Pointer[];
  /** The pointer for a constant. */
  readonly chosen: Map<number, Pointer>;
}

export class LoopPointers {
  private readonly groups = new Map<string, Group>();
  private readonly inner = new Set<Local>();
  private readonly splits = new Map<Buffer, Map<Affine, Split>>();

  constructor(
    private readonly counter: Local,
    body: Block,
    private readonly ranges: Ranges,
    private readonly idOf: (x: Local | Buffer) => number,
  ) {
    eachStmt(body, (s) => {
      const v = target(s);
      if (v) this.inner.add(v);
    });
    eachStmt(body, (s, path) => {
      for (const { buffer, at, low } of accesses(s)) this.add(buffer, at, at.base + low, path);
    });
    for (const group of this.groups.values()) this.place(group);
  }

  get pointers(): Pointer[] {
    return [...this.groups.values()].flatMap((group) => group.pointers);
  }

  /** The same address, by a pointer of this loop if there is one for it. */
  rewrite(at: Affine, buffer: Buffer): Affine {
    const { key, inner } = this.split(at, buffer);
    const group = this.groups.get(key);
    if (!group) return at;
    const pointer = (inner.length === 0 && group.chosen.get(at.base)) || group.pointers[0];
    return { base: at.base - pointer.shift, terms: [{ v: pointer.v, by: 1 }, ...inner] };
  }

  private split(at: Affine, buffer: Buffer): Split {
    const ofBuffer = this.splits.get(buffer) ?? new Map<Affine, Split>();
    const known = ofBuffer.get(at) ?? this.newSplit(at, buffer);
    this.splits.set(buffer, ofBuffer.set(at, known));
    return known;
  }

  private newSplit(at: Affine, buffer: Buffer): Split {
    const outer: Affine["terms"][number][] = [];
    const inner: Affine["terms"][number][] = [];
    let by = 0;
    for (const term of at.terms) {
      if (term.v === this.counter) by += term.by;
      else (this.inner.has(term.v) ? inner : outer).push(term);
    }
    if (outer.length > 1) outer.sort((a, b) => this.idOf(a.v) - this.idOf(b.v));
    let key = `${this.idOf(buffer)},${by}`;
    for (const t of outer) key += `,${this.idOf(t.v)}*${t.by}`;
    return { key, outer, by, inner };
  }

  private add(buffer: Buffer, at: Affine, low: number, path: readonly Block[]): void {
    const split = this.split(at, buffer);
    // A place that the loop does not move, and that is already in a local, needs no pointer.
    if (split.by === 0 && split.outer.every((t) => t.v.pointsTo)) return;
    let group = this.groups.get(split.key);
    if (!group) {
      group = { ...split, buffer, constants: new Map(), pointers: [], chosen: new Map() };
      this.groups.set(split.key, group);
    }
    if (split.inner.length > 0) return;
    const constant = group.constants.get(at.base) ?? { low, paths: [] };
    constant.low = Math.min(constant.low, low);
    constant.paths.push(path);
    group.constants.set(at.base, constant);
  }

  /**
   * Offsets are unsigned and do not wrap, so a pointer that an access adds its offset to must not lie below address 0. That
   * holds if the pointer is not below the buffer's start, or if the pointer's own place is accessed whenever the other is.
   */
  private place(group: Group): void {
    const lowest = plus(
      this.ranges.ofAffine({ base: 0, terms: group.outer }),
      scale(this.ranges.ofLocal(this.counter), group.by),
    );
    const homes = new Map<Pointer, ReadonlySet<Block>>();
    const constants = [...group.constants].sort(([, a], [, b]) => a.low - b.low);
    for (const [base, { low, paths }] of constants) {
      let pointer = group.pointers.find(
        (p) => lowest.low + p.shift >= 0 || paths.every((path) => path.some((block) => homes.get(p)!.has(block))),
      );
      if (!pointer) {
        pointer = this.pointer(group, low, lowest);
        homes.set(pointer, new Set(paths.map((path) => path[path.length - 1])));
      }
      group.chosen.set(base, pointer);
    }
    if (group.pointers.length === 0) this.pointer(group, 0, lowest);
  }

  private pointer(group: Group, shift: number, range: { low: number; high: number }): Pointer {
    const { buffer, outer, by } = group;
    const v: Local = { name: `${buffer.name}_${this.counter.name}`, ty: "i32", pointsTo: buffer };
    const pointer = { v, outer, by, shift };
    group.pointers.push(pointer);
    this.ranges.set(v, plus(range, { low: shift, high: shift }));
    return pointer;
  }
}
