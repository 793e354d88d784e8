/** One row of the opcode table. */

/** Value types, by the letter that signatures use: i = i32, I = i64, f = f32, F = f64, v = v128. */
export const VALUE_TYPES = { i: "i32", I: "i64", f: "f32", F: "f64", v: "v128" } as const;
export type ValueType = (typeof VALUE_TYPES)[keyof typeof VALUE_TYPES];

/** What follows the opcode's bytes. */
export type Immediate =
  | "none"
  | "block" // block type
  | "label"
  | "local"
  | "global"
  | "func"
  | "data" // index of a data segment
  | "dataZero" // data segment, memory 0
  | "zero" // memory 0
  | "zeroZero" // memory 0, memory 0
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "v128" // 16 bytes
  | "shuffle" // 16 lane indices
  | "lane"
  | "mem" // alignment, offset
  | "memLane"; // alignment, offset, lane

export interface Opcode {
  /** 0xfc, 0xfd or 0xfe, followed by `code` as LEB128; or null, followed by `code` as one byte. */
  readonly prefix: number | null;
  readonly code: number;
  /** Popped, the last one from the top of the stack. Instructions whose types depend on context list none. */
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly immediate: Immediate;
  /** log2 of the natural alignment of a memory access, in bytes. */
  readonly align: number;
}

/** `code` carries the prefix in its upper byte; `signature` is `params:results` in letters. */
export function opcode(code: number, signature: string, immediate: Immediate = "none", align = 0): Opcode {
  const [params, results] = signature
    .split(":")
    .map((letters) => [...letters].map((letter) => VALUE_TYPES[letter as keyof typeof VALUE_TYPES]));
  const prefix = code > 0xff ? code >> 8 : null;
  return { prefix, code: code & 0xff, params, results, immediate, align };
}
