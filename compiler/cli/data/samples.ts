/** Samples in memory, and the part of them that is held out to validate on. */
import { type Column, type Columns, type Dataset, permutation } from "../../../runtime/index.ts";

export interface Samples {
  readonly length: number;
  readonly data: Dataset | Columns;
  /** What the classes are called. */
  readonly names?: readonly string[];
}

export function datasetSamples(data: Dataset): Samples {
  return { length: data.length, data, names: data.names };
}

export interface Parts {
  readonly training: Samples;
  readonly validation: Samples;
}

/**
 * Takes `count` samples out, drawn by the seed, both parts in the order of the whole. The arrays of `samples` are used for the
 * part that stays, so that the images are not in memory twice.
 */
export function holdOut({ length, data, names }: Samples, count: number, seed: number): Parts {
  const held = new Uint8Array(length);
  for (const sample of permutation(length, seed, 0).subarray(0, count)) held[sample] = 1;
  const [kept, taken]: Record<string, unknown>[] = [{ ...data }, { ...data }];
  for (const [name, column] of Object.entries(data)) {
    if (!ArrayBuffer.isView(column)) continue;
    [kept[name], taken[name]] = parted(column as Typed, held, count);
  }
  const part = (length: number, columns: Record<string, unknown>): Samples => ({
    length,
    data: ("length" in data ? { ...columns, length } : columns) as Dataset | Columns,
    names,
  });
  return { training: part(length - count, kept), validation: part(count, taken) };
}

type Typed = Extract<Column, { readonly buffer: unknown }>;

function parted(column: Typed, held: Uint8Array, count: number): [Typed, Typed] {
  const size = column.length / held.length;
  const taken = column.slice(0, count * size);
  let [kept, out] = [0, 0];
  for (let sample = 0; sample < held.length; sample++) {
    const from = sample * size;
    if (held[sample]) taken.set(column.subarray(from, from + size), size * out++);
    else column.copyWithin(size * kept++, from, from + size);
  }
  return [column.subarray(0, kept * size), taken];
}
