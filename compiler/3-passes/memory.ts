/**
 * The static memory plan. What lives between calls (tensors, inputs, scalars) has its place for good; the values of a program
 * share an arena, in which two values may overlap only if they are never needed at the same time. Programs run one after
 * another, so their arenas are the same bytes.
 */
export interface Interval {
  readonly bytes: number;
  /** First and last step at which the bytes are in use. */
  readonly from: number;
  readonly to: number;
}

const ALIGNMENT = 64;
/** Vector loads of the last elements may reach this far beyond a buffer. */
export const SLACK = 64;

export const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** What a tensor of so many bytes takes. */
export const room = (bytes: number): number => align(bytes + SLACK);

/** Where tensors of so many bytes lie one behind the other, and what they take together. */
export function inRow(sizes: readonly number[]): { offsets: number[]; bytes: number } {
  const offsets: number[] = [];
  let bytes = 0;
  for (const size of sizes) {
    offsets.push(bytes);
    bytes += room(size);
  }
  return { offsets, bytes };
}

/**
 * Offsets for the intervals: largest first, each at the lowest free place that is large enough among those it meets in time
 * (greedy by size, Pisarchyk & Lee, arXiv:2001.03288).
 */
export function planArena(intervals: readonly Interval[]): { offsets: number[]; bytes: number } {
  const offsets = new Array<number>(intervals.length).fill(0);
  const order = [...intervals.keys()].sort((a, b) => intervals[b].bytes - intervals[a].bytes || a - b);
  const placed: number[] = [];
  let bytes = 0;
  for (const i of order) {
    const own = intervals[i];
    const met = placed
      .filter((j) => intervals[j].from <= own.to && own.from <= intervals[j].to)
      .sort((a, b) => offsets[a] - offsets[b]);
    let offset = 0;
    for (const j of met) {
      if (offsets[j] - offset >= own.bytes) break;
      offset = Math.max(offset, align(offsets[j] + intervals[j].bytes));
    }
    offsets[i] = offset;
    placed.push(i);
    bytes = Math.max(bytes, offset + own.bytes);
  }
  return { offsets, bytes: align(bytes) };
}
