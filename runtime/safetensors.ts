/**
 * The safetensors format: an unsigned 64-bit length, a JSON header of that many bytes, then the tensors' bytes.
 * https://github.com/huggingface/safetensors. A file may come from anywhere: nothing in it is believed before it is checked.
 */
import { TrainerError } from "./errors.ts";

export interface StoredTensor {
  /** As the file says it: F32, F16, I64, … */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit. */
const MOST_HEADER_BYTES = 100_000_000;

/** Decodes one element type to numbers. */
interface Format {
  readonly size: number;
  readonly decode?: (buffer: ArrayBuffer) => ArrayLike<number | bigint>;
}
const formats: Readonly<Record<string, Format>> = {
  F64: { size: 8, decode: (b) => new Float64Array(b) },
  F32: { size: 4, decode: (b) => new Float32Array(b) },
  F16: { size: 2, decode: (b) => Float32Array.from(new Uint16Array(b), half) },
  BF16: { size: 2, decode: (b) => new Float32Array(Uint32Array.from(new Uint16Array(b), (x) => x << 16).buffer) },
  I64: { size: 8, decode: (b) => new BigInt64Array(b) },
  U64: { size: 8, decode: (b) => new BigUint64Array(b) },
  I32: { size: 4, decode: (b) => new Int32Array(b) },
  U32: { size: 4, decode: (b) => new Uint32Array(b) },
  I16: { size: 2, decode: (b) => new Int16Array(b) },
  U16: { size: 2, decode: (b) => new Uint16Array(b) },
  I8: { size: 1, decode: (b) => new Int8Array(b) },
  U8: { size: 1, decode: (b) => new Uint8Array(b) },
  BOOL: { size: 1, decode: (b) => new Uint8Array(b) },
  F8_E4M3: { size: 1 },
  F8_E5M2: { size: 1 },
};

/** IEEE 754 binary16. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 31
      ? fraction
        ? NaN
        : Infinity
      : exponent
        ? (1024 + fraction) * 2 ** (exponent - 25)
        : fraction * 2 ** -24;
  return bits & 0x8000 ? -size : size;
}

/** The elements as numbers, of types that hold them exactly (64-bit integers are rounded). */
export function toNumbers(tensor: StoredTensor, name: string): Float32Array | Float64Array {
  const decode = formats[tensor.dtype].decode;
  if (!decode) fail(`tensor "${name}" is ${tensor.dtype}, which is not supported: store it as F32, F16 or BF16`);
  // A copy, as elements may lie at any byte. (`slice` of a Buffer of Node's would be a view.)
  const elements = decode(new Uint8Array(tensor.bytes).buffer);
  if (elements instanceof Float32Array || elements instanceof Float64Array) return elements;
  return Float64Array.from(elements as ArrayLike<number>, Number);
}

export function encodeSafetensors(
  tensors: Iterable<{
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: Float32Array | Float64Array;
  }>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const list = [...tensors];
  let end = 0;
  const entries: [string, unknown][] = list.map(({ name, shape, data }) => {
    const begin = end;
    end += data.byteLength;
    return [name, { dtype: data.BYTES_PER_ELEMENT === 8 ? "F64" : "F32", shape, data_offsets: [begin, end] }];
  });
  // Written out, not through an object: a tensor may be called "__proto__", and order is kept for names like "0".
  const json = [["__metadata__", metadata], ...entries]
    .map((e) => `${JSON.stringify(e[0])}:${JSON.stringify(e[1])}`)
    .join();
  const text = new TextEncoder().encode(`{${json}}`);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + end).fill(32, 8, 8 + headerBytes);
  new DataView(file.buffer).setUint32(0, headerBytes, true);
  file.set(text, 8);
  let at = 8 + headerBytes;
  for (const { data } of list) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

export function decodeSafetensors(file: Uint8Array): SafetensorsFile {
  const text = headerText(file);
  const data = file.subarray(8 + byteLength(file));
  const header = parseHeader(text);
  const tensors = new Map<string, StoredTensor>();
  const spans: { name: string; begin: number; end: number }[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of header) {
    if (name === "__metadata__") {
      metadata = checkMetadata(entry);
    } else {
      const { dtype, shape, begin, end } = checkEntry(name, entry, data.length);
      tensors.set(name, { dtype, shape, bytes: data.subarray(begin, end) });
      spans.push({ name, begin, end });
    }
  }
  checkCoverage(spans, data.length);
  return { tensors, metadata };
}

function fail(message: string): never {
  throw new TrainerError("safetensors", message);
}

/** What the file says is the length of its header. */
function byteLength(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, 8);
  return view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000;
}

function headerText(file: Uint8Array): string {
  if (file.length < 10) fail(`this is no safetensors file: ${file.length} bytes cannot hold a header`);
  const length = byteLength(file);
  if (length > MOST_HEADER_BYTES) {
    fail(`the header is said to be ${length} bytes long, more than any: the file is damaged, or no safetensors file`);
  }
  if (length > file.length - 8) {
    const sizes = `the header is said to be ${length} bytes long, but the file has ${file.length - 8} after its first 8`;
    fail(`${sizes}: it is truncated, or no safetensors file`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(file.subarray(8, 8 + length));
  } catch {
    return fail("the header is not UTF-8 text: the file is damaged, or no safetensors file");
  }
}

function parseHeader(text: string): [string, unknown][] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    fail(`the header is not JSON (${(error as Error).message}): the file is damaged, or no safetensors file`);
  }
  if (!isObject(header)) fail("the header is not a JSON object");
  // JSON.parse keeps the last of equal keys in silence.
  const names = new Set<string>();
  for (const name of namesIn(text)) {
    if (names.has(name)) fail(`the header names ${show(name)} twice`);
    names.add(name);
  }
  return Object.entries(header);
}

/** The keys of a JSON object as they stand there: its strings at depth 1. */
function* namesIn(json: string): Generator<string> {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const c = json[at];
    if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
    else if (c === '"') {
      const begin = at++;
      for (; json[at] !== '"'; at++) if (json[at] === "\\") at++;
      if (depth === 1) yield JSON.parse(json.slice(begin, at + 1));
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A name from the file, fit for a message: short, and without characters that a terminal obeys. */
export function show(name: string): string {
  const escaped = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  return escaped.replace(/[\p{Cc}\p{Cf}]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function checkMetadata(entry: unknown): Record<string, string> {
  if (!isObject(entry) || Object.values(entry).some((v) => typeof v !== "string")) {
    fail("__metadata__ in the header must map names to strings");
  }
  return entry as Record<string, string>;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0);
}

function checkEntry(name: string, entry: unknown, available: number) {
  const tensor = `tensor ${show(name)}`;
  if (!isObject(entry)) fail(`${tensor}: the header must say its dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const format = typeof dtype === "string" && Object.hasOwn(formats, dtype) ? formats[dtype] : null;
  if (!format) fail(`${tensor}: unknown dtype ${JSON.stringify(dtype)}; known are ${Object.keys(formats).join(", ")}`);
  if (!isSizes(shape))
    fail(`${tensor}: its shape must be a list of sizes, found ${JSON.stringify(shape)?.slice(0, 80)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    fail(`${tensor}: data_offsets must be two positions, found ${JSON.stringify(offsets)?.slice(0, 80)}`);
  }
  const [begin, end] = offsets;
  if (begin > end || end > available) {
    const range = `${tensor}: bytes ${begin} to ${end} are outside the file's ${available} bytes of data`;
    fail(`${range}: it is truncated, or its header is wrong`);
  }
  const bytes = shape.reduce((size, dim) => size * dim, format.size);
  if (bytes !== end - begin) {
    fail(`${tensor}: ${dtype} [${shape.join(", ")}] takes ${bytes} bytes, but its data_offsets span ${end - begin}`);
  }
  return { dtype: dtype as string, shape, begin, end };
}

/** The format demands that every byte belongs to exactly one tensor. */
function checkCoverage(spans: { name: string; begin: number; end: number }[], available: number): void {
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of spans) {
    if (begin < covered) fail(`tensor ${show(name)} overlaps the tensor before it in the file`);
    if (begin > covered) fail(`bytes ${covered} to ${begin} of the data belong to no tensor`);
    covered = end;
  }
  if (covered < available) fail(`the file has ${available - covered} bytes after its last tensor`);
}
