/**
 * The images of the npm package: a PNG sheet has one image a row, its 1,024 RGB pixels in row order; a JSON array holds the
 * labels. Re-packed as records (label, red plane, green plane, blue plane) they are the official files byte for byte.
 */
import { decode } from "fast-png";
import { type ArchiveFile, readArchive } from "./archive.ts";
import { RECORD_BYTES, type SheetFile } from "./cifar-files.ts";

const PIXELS = 32 * 32;

/** Packs rows of interleaved pixels and their labels as records. */
export function packSheet(png: Uint8Array, labels: readonly number[]): Uint8Array {
  const { width, height, channels, depth, data } = decode(png);
  if (width !== PIXELS || height !== labels.length || depth !== 8 || channels < 3) {
    throw new Error(
      `a sheet of ${width}x${height} pixels, ${channels} channels, ${depth} bits for ${labels.length} labels`,
    );
  }
  const records = new Uint8Array(height * RECORD_BYTES);
  for (let image = 0, from = 0; image < height; image++) {
    const record = image * RECORD_BYTES;
    records[record] = labels[image];
    for (let pixel = record + 1; pixel <= record + PIXELS; pixel++, from += channels) {
      records[pixel] = data[from];
      records[pixel + PIXELS] = data[from + 1];
      records[pixel + 2 * PIXELS] = data[from + 2];
    }
  }
  return records;
}

/** The package's sheets as data files. Labels are packed last, so the archive is read twice and held never. */
export async function* repackSheets(
  tarball: string,
  files: readonly SheetFile[],
  signal: AbortSignal,
): AsyncGenerator<ArchiveFile> {
  const labels = new Map<string, number[]>();
  const isLabels = (name: string) => files.some((file) => file.labels.file === name);
  for await (const { name, data } of readArchive(tarball, isLabels, signal)) {
    labels.set(name, JSON.parse(new TextDecoder().decode(data)));
  }
  const isSheet = (name: string) => files.some((file) => file.sheet === name);
  for await (const { name, data } of readArchive(tarball, isSheet, signal)) {
    const file = files.find((file) => file.sheet === name)!;
    const { first } = file.labels;
    const own = (labels.get(file.labels.file) ?? []).slice(first, first + file.bytes / RECORD_BYTES);
    yield { name: file.name, data: packSheet(data, own) };
  }
}
