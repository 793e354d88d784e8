import { describe, expect, test } from "vitest";
import { TrainerError } from "../../runtime/errors.ts";
import { decodeSafetensors, encodeSafetensors, toNumbers } from "../../runtime/safetensors.ts";

/** A file with this header, as text or bytes, and that much data. */
function file(header: string | Uint8Array, data: Uint8Array | number = 0, claimed?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = typeof data === "number" ? new Uint8Array(data) : data;
  const whole = new Uint8Array(8 + text.length + bytes.length);
  new DataView(whole.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  whole.set(text, 8);
  whole.set(bytes, 8 + text.length);
  return whole;
}
const entry = (dtype: string, shape: unknown, offsets: unknown) =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });
const one = (dtype: string, shape: number[], bytes: ArrayBufferView) => {
  const data = new Uint8Array(bytes.buffer);
  const tensor = decodeSafetensors(file(`{"w":${entry(dtype, shape, [0, data.length])}}`, data)).tensors.get("w")!;
  return [...toNumbers(tensor, "w")];
};

test("what is encoded is decoded: names, shapes, bits, metadata", () => {
  const tensors = [
    { name: "conv1.weight", shape: [2, 1, 1, 2], data: Float32Array.of(1, -0, NaN, 3.4e38) },
    { name: "__proto__", shape: [], data: Float32Array.of(5) },
    { name: "7", shape: [0, 3], data: new Float32Array() },
    { name: "wide", shape: [1], data: Float64Array.of(0.1) },
  ];
  const encoded = encodeSafetensors(tensors, { "mlc.step": "3", ü: '"' });
  expect((8 + new DataView(encoded.buffer).getUint32(0, true)) % 8).toBe(0);
  const { tensors: decoded, metadata } = decodeSafetensors(encoded);
  expect(metadata).toEqual({ "mlc.step": "3", ü: '"' });
  expect([...decoded.keys()].sort()).toEqual(tensors.map((t) => t.name).sort());
  for (const { name, shape, data } of tensors) {
    expect(decoded.get(name)!.shape).toEqual(shape);
    expect(toNumbers(decoded.get(name)!, name)).toEqual(data);
  }
});

test("the file is read from a view at any byte of its buffer", () => {
  const encoded = encodeSafetensors([{ name: "w", shape: [2], data: Float32Array.of(1, 2) }]);
  const shifted = new Uint8Array(encoded.length + 3);
  shifted.set(encoded, 3);
  expect([...toNumbers(decodeSafetensors(shifted.subarray(3)).tensors.get("w")!, "w")]).toEqual([1, 2]);
});

test("element types become numbers", () => {
  expect(one("F16", [7], Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000, 0x3555))).toEqual([
    1,
    -2,
    2 ** -24,
    65504,
    Infinity,
    -0,
    0.333251953125,
  ]);
  expect(one("F16", [1], Uint16Array.of(0x7e00))).toEqual([NaN]);
  expect(one("BF16", [3], Uint16Array.of(0x3f80, 0xc000, 0x7f80))).toEqual([1, -2, Infinity]);
  expect(one("F64", [1], Float64Array.of(0.1))).toEqual([0.1]);
  expect(one("I64", [2], BigInt64Array.of(-3n, 5n))).toEqual([-3, 5]);
  expect(one("I32", [1], Int32Array.of(-7))).toEqual([-7]);
  expect(one("U8", [2], Uint8Array.of(0, 255))).toEqual([0, 255]);
  expect(one("BOOL", [2], Uint8Array.of(0, 1))).toEqual([0, 1]);
});

const w = (offsets: unknown, shape: unknown = [1], dtype = "F32") => `{"w":${entry(dtype, shape, offsets)}}`;
const hostile: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
  ["nothing", new Uint8Array(), /0 bytes cannot hold a header/],
  ["a few bytes", Uint8Array.of(1, 2, 3), /3 bytes cannot hold a header/],
  [
    "a header longer than the file",
    file("{}", 0, 1000n),
    /said to be 1000 bytes long, but the file has 2 .* truncated/,
  ],
  ["a header of 2^63 bytes", file("{}", 0, 2n ** 63n), /said to be 9223372036854776000 bytes/],
  ["a header beyond the format's limit", file("{}", 0, 100_000_001n), /100000001 bytes long, more than any/],
  ["a header that begins with a byte order mark", file("\ufeff{}"), /not JSON/],
  ["a header of 2^32 + 2 bytes", file("{}", 0, 2n ** 32n + 2n), /said to be 4294967298 bytes/],
  [
    "a truncated file",
    encodeSafetensors([{ name: "w", shape: [9], data: new Float32Array(9) }]).slice(0, -5),
    /truncated/,
  ],
  ["bytes that are not UTF-8", file(Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d)), /not UTF-8/],
  ["text that is not JSON", file("{'w': 1}"), /not JSON/],
  ["an archive", file("PK\u0003\u0004 something else"), /not JSON .* no safetensors file/],
  ["a list", file("[1]"), /not a JSON object/],
  ["deep nesting", file("[".repeat(100000)), /not JSON/],
  [
    "a name twice",
    file(`{"w":${entry("F32", [1], [0, 4])},"\\u0077":${entry("F32", [1], [4, 8])}}`, 8),
    /names "w" twice/,
  ],
  ["an entry that is no object", file('{"w":3}'), /"w": the header must say its dtype/],
  ["an unknown dtype", file(w([0, 4], [1], "F5"), 4), /unknown dtype "F5"; known are F64, F32/],
  ["a dtype from the prototype", file(w([0, 4], [1], "constructor"), 4), /unknown dtype "constructor"/],
  ["a negative size", file(w([0, 4], [-1]), 4), /shape must be a list of sizes/],
  ["a size that is no number", file(w([0, 4], ["1"]), 4), /shape must be a list of sizes/],
  ["a size beyond 2^53", file(w([0, 4], [1e300]), 4), /shape must be a list of sizes/],
  ["sizes whose product overflows", file(w([0, 4], new Array(40).fill(2 ** 50)), 4), /takes Infinity bytes/],
  ["offsets before the data", file(w([-4, 0]), 4), /data_offsets must be two positions/],
  ["offsets beyond the data", file(w([0, 4]), 3), /bytes 0 to 4 are outside the file's 3 bytes/],
  ["offsets beyond 2^53", file(w([0, 1e17]), 3), /data_offsets must be two positions/],
  ["reversed offsets", file(w([4, 0]), 4), /bytes 4 to 0 are outside/],
  ["offsets that do not fit the shape", file(w([0, 8]), 8), /F32 \[1\] takes 4 bytes, but its data_offsets span 8/],
  [
    "overlapping tensors",
    file(`{"a":${entry("F32", [2], [0, 8])},"b":${entry("F32", [2], [4, 12])}}`, 12),
    /"b" overlaps the tensor before it/,
  ],
  [
    "a gap",
    file(`{"a":${entry("F32", [1], [0, 4])},"b":${entry("F32", [1], [8, 12])}}`, 12),
    /bytes 4 to 8 of the data belong to no tensor/,
  ],
  ["data after the last tensor", file(w([0, 4]), 9), /5 bytes after its last tensor/],
  [
    "metadata that is no map of strings",
    file('{"__metadata__":{"step":1}}'),
    /__metadata__ .* must map names to strings/,
  ],
  ["a name of many megabytes", file(`{"${"x".repeat(1e7)}":1}`), /^tensor "x{80}…": /],
  [
    "a name that a terminal would obey",
    file('{"\\u001b[2J\\u009b\\u202e":1}'),
    /^tensor "\\u001b\[2J\\u009b\\u202e": /,
  ],
];

describe("a hostile file is refused with what is wrong:", () => {
  test.each(hostile)("%s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(message);
    expect(() => decodeSafetensors(bytes)).toThrow(TrainerError);
  });
});

test("every truncation and every changed byte of a header is refused or decoded, never a crash", () => {
  const good = encodeSafetensors([
    { name: "a", shape: [2], data: Float32Array.of(1, 2) },
    { name: "b", shape: [1, 3], data: Float32Array.of(3, 4, 5) },
  ]);
  const attempt = (bytes: Uint8Array) => {
    try {
      decodeSafetensors(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(TrainerError);
    }
  };
  for (let length = 0; length < good.length; length++) attempt(good.slice(0, length));
  for (let at = 0; at < good.length - 20; at++) {
    for (const byte of [0, 0x22, 0x39, 0x7d, 0xff]) attempt(good.with(at, byte));
  }
});

test("a dtype that has no plain numbers is refused when it is read", () => {
  const { tensors } = decodeSafetensors(file(w([0, 1], [1], "F8_E4M3"), 1));
  expect(() => toNumbers(tensors.get("w")!, "w")).toThrow(/"w" is F8_E4M3, which is not supported: store it as F32/);
});

test("a header with a very long string is checked in linear time and space", () => {
  const header = `{"__metadata__":{"note":"${'\\"'.repeat(4_000_000)}"}}`;
  expect(decodeSafetensors(file(header)).tensors.size).toBe(0);
});
