/** NumPy's files as NumPy writes them (test/oracle/arrays.py), and files that are not what they say. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseNpy } from "../../compiler/cli/data/npy.ts";
import { unzip } from "../../compiler/cli/data/zip.ts";
import { fromBase64 } from "./pictures.ts";

interface Golden {
  readonly arrays: readonly {
    readonly name: string;
    readonly file: string;
    readonly shape: readonly number[];
    readonly values: readonly number[];
  }[];
  readonly refused: Readonly<Record<string, string>>;
  readonly archives: Readonly<Record<string, string>>;
}

const golden: Golden = JSON.parse(readFileSync(new URL("../golden/arrays.json", import.meta.url), "utf8"));
const fileOf = (name: string) => fromBase64(golden.arrays.find((array) => array.name === name)!.file);

test.each(golden.arrays)("$name", ({ file, shape, values }) => {
  const read = parseNpy(fromBase64(file));
  expect(read.shape).toEqual(shape);
  expect([...read.data]).toEqual(values);
  // At any place in memory.
  const moved = new Uint8Array([0, 0, 0, ...fromBase64(file)]).subarray(3);
  expect([...parseNpy(moved).data]).toEqual(values);
});

test.each([
  ["f2", "its values are <f2; uint8, bool, int32"],
  [">f4", "its values are >f4"],
  ["U3", "its values are <U3"],
  ["fortran", "its values are in Fortran order: save numpy.ascontiguousarray(x)"],
  ["record", "its header is not that of an array of numbers"],
  ["wide", "value 1 is 1099511627776, which is no 32-bit integer"],
])("%s is refused", (name, message) => {
  expect(() => parseNpy(fromBase64(golden.refused[name]))).toThrow(message);
});

describe("a file that lies", () => {
  const header = (text: string): Uint8Array => {
    const start = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8);
    return new Uint8Array([...start, ...new TextEncoder().encode(text)]);
  };
  const withShape = (shape: string) => header(`{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`);

  test.each([
    ["is empty", new Uint8Array(0), "it is no .npy file"],
    ["is something else", new TextEncoder().encode("hello, world, hello"), "it is no .npy file"],
    ["ends early", fileOf("f4").slice(0, -1), "24 bytes; 23 follow: the file is truncated"],
    ["goes on", new Uint8Array([...fileOf("f4"), 0]), "24 bytes; 25 follow: the file is too long"],
    ["ends in its header", fileOf("f4").slice(0, 40), "the file ends within its header"],
    ["is of the future", fileOf("f4").with(6, 9), "version 9 of the format; 1 to 3 are read"],
    ["says more than it has", withShape("1000000, 1000000"), "4000000000000 bytes; 0 follow: the file is truncated"],
    ["says the impossible", withShape("99999999999999999999, 2"), "the impossible shape (99999999999999999999, 2)"],
    ["says a negative size", withShape("-1, 2"), "its header is not that of an array of numbers"],
    ["says nothing", header("{}"), "its header is not that of an array of numbers: {}"],
  ])("%s", (_, bytes, message) => {
    expect(() => parseNpy(bytes)).toThrow(message);
  });
});

describe("an archive", () => {
  test.each(["stored", "deflated"])("%s", (name) => {
    const files = unzip(fromBase64(golden.archives[name]));
    expect([...files.keys()]).toEqual(["image.npy", "label.npy"]);
    expect(parseNpy(files.get("image.npy")!).shape).toEqual([2, 1, 4, 5]);
    expect([...parseNpy(files.get("label.npy")!).data]).toEqual([1, 0]);
  });

  test("that is cut or changed anywhere is refused, or read as it was; it never hangs", () => {
    const whole = fromBase64(golden.archives.deflated);
    expect(() => unzip(whole.slice(0, -30))).toThrow("it is no ZIP archive, or truncated");
    expect(() => unzip(new Uint8Array(0))).toThrow("it is no ZIP archive, or truncated");
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        try {
          unzip(whole.with(at, value));
        } catch (error) {
          expect((error as Error).message).toMatch(/archive|damaged|bytes instead of|packed by method/);
        }
      }
    }
  });
});
