/** The files of a ZIP archive, as numpy.savez makes it: stored or deflated. APPNOTE.TXT 4.3 (no ZIP64, no encryption). */
import { inflateRawSync } from "node:zlib";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** Of the record at the end, without its comment. */
const END_BYTES = 22;

/** Throws an Error that says what is wrong with the file. */
export function unzip(bytes: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    return readEntries(bytes, view, findEnd(view));
  } catch (error) {
    if (error instanceof RangeError) throw new Error("the archive is damaged");
    throw error;
  }
}

/** The record at the end; a comment of up to 64 KiB may follow it. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) if (view.getUint32(at, true) === END) return at;
  throw new Error("it is no ZIP archive, or truncated");
}

function readEntries(bytes: Uint8Array, view: DataView, end: number): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error("the archive is damaged");
    const method = view.getUint16(at + 10, true);
    const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const local = view.getUint32(at + 42, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if ([packed, size, local].includes(0xffffffff)) {
      throw new Error("it is an archive of more than 4 GB: save the arrays as single .npy files");
    }
    if (view.getUint32(local, true) !== LOCAL) throw new Error("the archive is damaged");
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    files.set(name, unpack(bytes.subarray(start, start + packed), method, size, name));
    at += 46 + nameLength + extra + comment;
  }
  return files;
}

function unpack(data: Uint8Array, method: number, size: number, name: string): Uint8Array {
  const unpacked = method === 0 ? data : method === 8 ? inflate(data, size, name) : null;
  if (unpacked === null) throw new Error(`${name} in it is packed by method ${method}, which is not read`);
  if (unpacked.length !== size) throw new Error(`${name} in it has ${unpacked.length} bytes instead of ${size}`);
  return unpacked;
}

/** No more than the entry says. */
function inflate(data: Uint8Array, size: number, name: string): Uint8Array {
  try {
    return inflateRawSync(data, { maxOutputLength: Math.max(1, size) });
  } catch {
    throw new Error(`${name} in it is damaged`);
  }
}
