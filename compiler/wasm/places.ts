/**
 * Places for a function's locals: those of one type share a place where no two of them are needed at once. An engine's optimising
 * compiler sees no difference, but its first compiler zeroes and keeps every place, and what is unrolled repeats byte by byte.
 */
import type { Instruction, LocalRef } from "./instruction.ts";
import type { ValueType } from "./opcode.ts";

/** A block, or one arm of an if. */
interface Frame {
  readonly loop: boolean;
  readonly start: number;
  end: number;
}

interface Range {
  first: number;
  last: number;
  /** Where it was first set: what lies outside may be reached without that. */
  home: Frame | null;
  /** Loops at whose end it must still be what it was. */
  readonly loops: Set<Frame>;
}

export interface Places {
  /** Of parameters and locals, as instructions name them. */
  readonly indices: ReadonlyMap<LocalRef, number>;
  /** How many places there are of each type, in the order of their indices, parameters apart. */
  readonly groups: readonly { readonly type: ValueType; readonly count: number }[];
}

export function placesOf(
  params: readonly LocalRef[],
  locals: readonly LocalRef[],
  instructions: readonly Instruction[],
): Places {
  const ranges = rangesOf(locals, instructions);
  const inOrder = [...ranges.keys()].sort((a, b) => ranges.get(a)!.first - ranges.get(b)!.first);
  const indices = new Map<LocalRef, number>(params.map((param, i) => [param, i]));
  const groups: { type: ValueType; count: number }[] = [];
  let next = params.length;
  for (const type of new Set(inOrder.map((local) => local.type))) {
    /** Until when each place is taken. */
    const taken: number[] = [];
    for (const local of inOrder.filter((local) => local.type === type)) {
      const { first, last } = ranges.get(local)!;
      const free = taken.findIndex((end) => end < first);
      const place = free < 0 ? taken.length : free;
      taken[place] = last;
      indices.set(local, next + place);
    }
    groups.push({ type, count: taken.length });
    next += taken.length;
  }
  return { indices, groups };
}

/** From the first to the last instruction that a local's value is kept for; of locals that are never mentioned there is none. */
function rangesOf(locals: readonly LocalRef[], instructions: readonly Instruction[]): Map<LocalRef, Range> {
  const ranges = new Map<LocalRef, Range>();
  const known = new Set(locals);
  const open: Frame[] = [{ loop: false, start: 0, end: instructions.length }];
  instructions.forEach(({ op, operands }, at) => {
    if (op === "end" || op === "else") open.pop()!.end = at;
    if (op === "block" || op === "loop" || op === "if" || op === "else")
      open.push({ loop: op === "loop", start: at, end: instructions.length });
    const local = operands[0] as LocalRef;
    if (!op.startsWith("local.") || !known.has(local)) return;
    const range = ranges.get(local) ?? begin(op === "local.get", at, open);
    ranges.set(local, range);
    range.last = at;
    for (const frame of open) if (frame.loop && frame.start > range.first) range.loops.add(frame);
  });
  for (const range of ranges.values()) settle(range, instructions.length);
  return ranges;
}

/** What is read before it is set has been 0 from the start. */
function begin(read: boolean, at: number, open: readonly Frame[]): Range {
  return { first: read ? -1 : at, last: at, home: read ? null : open[open.length - 1], loops: new Set() };
}

function settle(range: Range, end: number): void {
  if (range.home && range.last > range.home.end) {
    range.first = -1;
    range.last = end;
  }
  for (const loop of range.loops) range.last = Math.max(range.last, loop.end);
}
