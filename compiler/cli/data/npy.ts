/**
 * NumPy's files: `.npy` is a magic string, a version, a header (the literal of a Python dictionary) and the values.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

export type NpyData = Uint8Array | Int32Array | Float32Array | Float64Array;

export interface Npy {
  readonly shape: readonly number[];
  readonly data: NpyData;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Throws an Error that says what is wrong with the file. */
export function parseNpy(bytes: Uint8Array): Npy {
  if (bytes.length < 10 || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new Error("it is no .npy file (numpy.save writes one)");
  }
  const version = bytes[6];
  if (version < 1 || version > 3) throw new Error(`it has version ${version} of the format; 1 to 3 are read`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : bytes.length < 12 ? Infinity : view.getUint32(8, true);
  if (start + length > bytes.length) throw new Error("the file ends within its header");
  const header = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(bytes.subarray(start, start + length));
  const { descr, shape } = parseHeader(header);
  const type = TYPES[descr.slice(1)];
  if (type === undefined || (descr[0] === ">" && type.size > 1)) {
    const known = "uint8, bool, int32, int64, float32 and float64 (little-endian) are read";
    throw new Error(`its values are ${descr}; ${known}: convert them with x.astype`);
  }
  const count = shape.reduce((a, b) => a * b, 1);
  const found = bytes.length - start - length;
  if (found !== count * type.size) {
    const expected = `the header says [${shape.join(", ")}] of ${descr}, ${count * type.size} bytes`;
    throw new Error(
      `${expected}; ${found} follow: the file is ${found < count * type.size ? "truncated" : "too long"}`,
    );
  }
  // Typed arrays begin at multiples of their element's size.
  const at = bytes.byteOffset + start + length;
  const buffer = at % type.size === 0 ? bytes.buffer : bytes.slice(start + length).buffer;
  return { shape, data: type.read(buffer as ArrayBuffer, at % type.size === 0 ? at : 0, count) };
}

interface ElementType {
  readonly size: number;
  read(buffer: ArrayBuffer, at: number, count: number): NpyData;
}

const bytesType: ElementType = { size: 1, read: (buffer, at, count) => new Uint8Array(buffer, at, count) };
const TYPES: Readonly<Record<string, ElementType>> = {
  u1: bytesType,
  b1: bytesType,
  i4: { size: 4, read: (buffer, at, count) => new Int32Array(buffer, at, count) },
  i8: { size: 8, read: (buffer, at, count) => narrowed(new BigInt64Array(buffer, at, count)) },
  f4: { size: 4, read: (buffer, at, count) => new Float32Array(buffer, at, count) },
  f8: { size: 8, read: (buffer, at, count) => new Float64Array(buffer, at, count) },
};

function narrowed(wide: BigInt64Array): Int32Array {
  return Int32Array.from(wide, (value, i) => {
    if (BigInt.asIntN(32, value) === value) return Number(value);
    throw new Error(`value ${i} is ${value}, which is no 32-bit integer`);
  });
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }` */
function parseHeader(header: string): { descr: string; shape: number[] } {
  const descr = /['"]descr['"]\s*:\s*['"]([<>|=]?\w+)['"]/.exec(header)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /['"]shape['"]\s*:\s*\(([\d,\sL]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw new Error(`its header is not that of an array of numbers: ${header.trim().slice(0, 120)}`);
  }
  if (order === "True") throw new Error("its values are in Fortran order: save numpy.ascontiguousarray(x)");
  const shape = sizes
    .split(",")
    .map((size) => size.trim())
    .filter((size) => size !== "")
    .map((size) => Number.parseInt(size, 10));
  if (!shape.every(Number.isSafeInteger) || !Number.isSafeInteger(shape.reduce((a, b) => a * b, 8))) {
    throw new Error(`its header says the impossible shape (${sizes})`);
  }
  return { descr: /^[<>|=]/.test(descr) ? descr : `|${descr}`, shape };
}
