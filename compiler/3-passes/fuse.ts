/**
 * Partitions a program's graph into kernels ("groups").
 *
 * A group computes everything between stored values: it starts at an anchor (an operation with a kernel of its own, or a
 * reduction) or at nothing (a map); inlines the elementwise operations and views that lead to its operands; and goes on
 * through the elementwise operations after the anchor (the epilogue) to the last value that alone is needed elsewhere.
 */
import { type Program, roots, sameShape, topological, type Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import { tilingOf } from "../ops/tiles.ts";
import { isHost } from "./host.ts";
import { costOf, isExactWindow, isInlinable, isLeaf } from "./inline.ts";
import { isSpreadWhenRead, joinPools } from "./pooling.ts";
import { joinSiblings } from "./siblings.ts";
import { computedByUpdates, isLarge, mergeUpdates, updatedAlone } from "./updates.ts";

export interface Group {
  /** The operation whose kernel template the group uses; null for a map. */
  readonly anchor: Value | null;
  /** What it stores. The first is the anchor's value, or what the epilogue made of it. */
  outputs: Value[];
  /** Values between the anchor and the first output: computed in registers, never stored. */
  readonly inside: ReadonlySet<Value>;
  /** Another anchor, which reads the same elements. */
  readonly also?: Value;
  /** The pooling whose windows an inverse transform keeps the largest elements of. */
  readonly pool?: Value;
  /** Of updates that apply one formula to several tensors: what lies one behind the other, operand by operand. */
  readonly rows?: readonly (readonly Value[])[];
  /** Why the first output is stored: for `mlc explain`. */
  readonly reason: string;
}

/** Whether the group's kernel computes the value. */
export function isOwn({ anchor, also, outputs, inside }: Group, value: Value): boolean {
  return value === anchor || value === also || outputs.includes(value) || inside.has(value);
}

export interface Fused {
  readonly program: Program;
  readonly groups: readonly Group[];
  /** The group that stores a value. */
  readonly storedBy: ReadonlyMap<Value, Group>;
}

/** Anchors that write their result piece by piece: nothing can follow them in registers. */
function writesInPieces(anchor: Value): boolean {
  if (anchor.op === "max_unpool2d" || anchor.op === "sum_unpool2d") return !isExactWindow(anchor);
  if (anchor.op === "tile" || anchor.op === "contract_rows") return true;
  if (anchor.op === "untile") return overlaps(anchor);
  if (anchor.op === "scatter_rows" || anchor.op === "dynamic_pad") return true;
  return anchor.op === "conv2d_grad_weight" || anchor.op === "pad" || anchor.op === "concat";
}

/** Operands that a kernel template reads from memory only. Others may be expressions computed as they are read. */
const STORED_OPERANDS: Readonly<Record<string, readonly number[]>> = {
  conv2d: [0, 1],
  conv2d_grad_input: [0, 1],
  conv2d_grad_weight: [0, 1],
  matmul: [0, 1],
  contract_rows: [0, 1],
  tile: [0],
  softmax: [0],
  log_softmax: [0],
  argmax: [],
  max_unpool2d: [1],
  max_pool2d_gather: [0, 1],
  gather_rows: [0, 1],
  scatter_rows: [1],
  dynamic_slice: [1],
  dynamic_pad: [1],
};

/** An inlined expression that costs more than this is not computed twice. */
const RECOMPUTE_LIMIT = 8;
/** One that is computed again for each element along some axis costs at most this. */
const REPEAT_LIMIT = 2;
/** Above this many operations an expression is cut, so that kernels stay of a size that engines compile well. */
const EXPRESSION_LIMIT = 200;
const EPILOGUE_LIMIT = 24;

export interface FuseOptions {
  /** Stores the result of every operation on floats, so that each can be looked at. */
  readonly storeAll?: boolean;
  /** Sums over samples that are complete only after the kernel's last call: nothing can follow them in registers. */
  readonly addsUp?: (value: Value) => boolean;
}

export function fuse(program: Program, options: FuseOptions = {}): Fused {
  return new Fusion(program, options).run();
}

class Fusion {
  private readonly order: Value[];
  private readonly index = new Map<Value, number>();
  private readonly users = new Map<Value, Value[]>();
  private readonly roots: Set<Value>;
  private readonly ofUpdates: ReadonlySet<Value>;
  private readonly updatedAlone: ReadonlySet<Value>;
  private readonly stored = new Map<Value, string>();
  private readonly costs = new Map<Value, number>();

  constructor(
    private readonly program: Program,
    private readonly options: FuseOptions,
  ) {
    this.roots = new Set(roots(program));
    this.order = topological(this.roots);
    this.order.forEach((value, i) => {
      this.index.set(value, i);
      for (const input of new Set(value.inputs)) this.users.set(input, [...(this.users.get(input) ?? []), value]);
    });
    this.ofUpdates = computedByUpdates(program, this.order, this.usersOf);
    this.updatedAlone = updatedAlone(program);
  }

  run(): Fused {
    this.chooseStored();
    const groups = this.form();
    const pooled = joinPools(attachIndices(groups), this.usersOf, (value) => this.roots.has(value));
    const indexOf = (value: Value) => this.index.get(value)!;
    const updated = mergeUpdates(this.program, pooled, indexOf);
    const merged = this.options.storeAll ? updated : joinSiblings(updated, indexOf);
    const storedBy = new Map<Value, Group>();
    for (const group of merged) for (const output of group.outputs) storedBy.set(output, group);
    return { program: this.program, groups: merged, storedBy };
  }

  private readonly usersOf = (value: Value): readonly Value[] => this.users.get(value) ?? [];

  /** Whether an operand that kernels read from memory is computed where it is read all the same. */
  private isPassing(value: Value): boolean {
    if (this.options.storeAll || this.roots.has(value)) return false;
    return isSpreadWhenRead(value, this.usersOf) || isTiledOnce(value, this.usersOf);
  }

  /** First choice of what to store; anchors with an epilogue move theirs later. */
  private chooseStored(): void {
    for (const value of this.order) {
      if (isLeaf(value)) continue;
      for (const i of STORED_OPERANDS[value.op] ?? []) {
        const operand = peelTranspose(value, value.inputs[i]);
        if (!this.isPassing(operand)) this.store(operand, `operand of ${value.op}`);
      }
      if (this.isPassing(value)) continue;
      if (isAnchor(value)) this.store(value, value.op);
      else if (value.op === "relayout") this.store(value, `layout ${value.attrs.layout}`);
      else if (this.options.storeAll && value.type.dtype === "f32" && !isHost(value)) this.store(value, "checked");
      else this.weigh(value);
    }
    for (const root of this.roots) this.store(root, "result");
  }

  private store(value: Value, reason: string): void {
    if (!isLeaf(value) && !this.stored.has(value)) this.stored.set(value, reason);
  }

  /** Sums the cost of the inlined expression; stores what would be computed twice or would grow too large. */
  private weigh(value: Value): void {
    if (isHost(value)) return;
    const operands = [...new Set(value.inputs)];
    let cost = costOf(value);
    for (const input of operands) {
      const inner = this.costs.get(input) ?? 0;
      if (repeats(value, input) && inner > REPEAT_LIMIT) this.store(input, "read many times");
      if (!this.stored.has(input)) cost += inner;
    }
    const uses = this.users.get(value)?.length ?? 0;
    if (uses > 1 && cost > RECOMPUTE_LIMIT) this.store(value, `used ${uses} times`);
    if (cost > EXPRESSION_LIMIT) this.store(value, "expression of limited size");
    this.costs.set(value, this.stored.has(value) ? 0 : cost);
  }

  private form(): Group[] {
    const groups: Group[] = [];
    const taken = new Set<Value>();
    for (const value of this.order) {
      if (!isAnchor(value) || this.isPassing(value)) continue;
      const { inside, end } = this.epilogue(value, taken);
      for (const v of inside) taken.add(v);
      taken.add(end);
      groups.push({ anchor: value, outputs: [end], inside, reason: this.stored.get(value)! });
    }
    for (const [value, reason] of this.stored) {
      if (!taken.has(value)) groups.push({ anchor: null, outputs: [value], inside: new Set(), reason });
    }
    return groups;
  }

  /**
   * Grows the set of values computed from the anchor in registers, in topological order, and remembers the last moment at
   * which exactly one of them was needed outside.
   *
   * The update of a parameter follows the anchor that makes the gradient only where there is no state: else one kernel runs from
   * end to end of all that are not large.
   */
  private epilogue(anchor: Value, taken: ReadonlySet<Value>): { inside: Set<Value>; end: Value } {
    let best = { inside: new Set<Value>(), end: anchor };
    if (this.options.storeAll || writesInPieces(anchor) || this.options.addsUp?.(anchor)) return best;
    const members = new Set<Value>([anchor]);
    let isUpdate = false;
    const waiting = new Set(this.users.get(anchor) ?? []);
    for (let i = 0; i < EPILOGUE_LIMIT && waiting.size > 0; i++) {
      const next = [...waiting].reduce((a, c) => (this.index.get(c)! < this.index.get(a)! ? c : a));
      waiting.delete(next);
      if (taken.has(next) || !this.follows(next, anchor, members)) continue;
      members.add(next);
      isUpdate ||= this.ofUpdates.has(next) && !isLarge(next);
      for (const user of this.users.get(next) ?? []) waiting.add(user);
      const open = [...members].filter(
        (v) => this.roots.has(v) || (this.users.get(v) ?? []).some((u) => !members.has(u)),
      );
      const isAllowed = next.type.dtype !== "bool" && (!isUpdate || this.updatedAlone.has(next));
      if (isAllowed && open.length === 1 && open[0] === next) {
        best = { inside: new Set([...members].filter((v) => v !== next)), end: next };
      }
    }
    return best;
  }

  private follows(value: Value, anchor: Value, members: ReadonlySet<Value>): boolean {
    if (opNamed(value.op).category !== "elementwise" || isPanel(value)) return false;
    const shape = anchor.type.shape;
    if (value.type.shape.length !== shape.length || value.type.shape.some((dim, i) => dim !== shape[i])) return false;
    return value.inputs.every(
      (input) => members.has(input) || !this.dependsOn(input, members, this.index.get(anchor)!),
    );
  }

  /** Whether `value` is computed from a member: then it cannot be an operand of the same kernel. */
  private dependsOn(value: Value, members: ReadonlySet<Value>, first: number): boolean {
    const stack = [value];
    const seen = new Set<Value>();
    while (stack.length > 0) {
      const v = stack.pop()!;
      if (members.has(v)) return true;
      if (seen.has(v) || this.index.get(v)! < first) continue;
      seen.add(v);
      stack.push(...v.inputs);
    }
    return false;
  }
}

function isAnchor(value: Value): boolean {
  return !isLeaf(value) && !isHost(value) && !isInlinable(value);
}

function isPanel(value: Value): boolean {
  return value.op === "relayout" && (value.attrs.layout as string).includes("panel");
}

/** Whether one transform alone reads the value, each of its elements once. */
function isTiledOnce(value: Value, usersOf: (value: Value) => readonly Value[]): boolean {
  const [user, ...others] = usersOf(value);
  if (opNamed(value.op).category !== "elementwise" || value.op === "relayout") return false;
  if (user?.op !== "tile" || others.length > 0) return false;
  const { matrix, stride } = tilingOf(user.attrs);
  return matrix[0].length === stride;
}

/** Matrix products read a transposed operand in place. */
function peelTranspose(user: Value, operand: Value): Value {
  return user.op === "matmul" && operand.op === "transpose" ? operand.inputs[0] : operand;
}

/** Whether computing `user` evaluates an operand more than once for each of its elements. */
function repeats(user: Value, operand: Value): boolean {
  const long = ({ type }: Value) => type.shape.filter((dim) => dim !== 1);
  return user.op === "broadcast" && !sameShape(long(operand), long(user));
}

/** The index of the maximum is written by the kernel that finds the maximum. */
function attachIndices(groups: readonly Group[]): Group[] {
  const key = (v: Value) => `${v.inputs[0].id} ${JSON.stringify(v.attrs)}`;
  const pools = new Map(groups.filter((g) => g.anchor?.op === "max_pool2d").map((g) => [key(g.anchor!), g]));
  return groups.filter((group) => {
    const pool = group.anchor?.op === "max_pool2d_index" ? pools.get(key(group.anchor)) : undefined;
    if (pool) pool.outputs.push(group.outputs[0]);
    return !pool;
  });
}

/** Whether neighbouring patches of an untile share pixels. */
function overlaps(untile: Value): boolean {
  const { matrix, stride } = tilingOf(untile.attrs);
  return matrix.length > stride;
}
