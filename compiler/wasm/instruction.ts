/** What instructions refer to, and how they are encoded. */
import type { Bytes } from "./bytes.ts";
import type { ValueType } from "./opcode.ts";
import { OPCODES, type OpName } from "./opcodes.ts";

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A function of the module; its index is known when the module is encoded. */
export interface FunctionRef {
  readonly name: string;
  readonly type: FunctionType;
}

export interface GlobalRef {
  readonly type: ValueType;
  readonly mutable: boolean;
}

/** A parameter or local variable; locals get their index when the function is encoded. */
export interface LocalRef {
  readonly type: ValueType;
}

/** The target of a branch: an enclosing block, loop or if. */
export interface Label {
  /** Types that a branch to it carries: the results of a block, the parameters of a loop. */
  readonly types: readonly ValueType[];
}

/** What the encoder of the module knows and a function's body needs. */
export interface Indices {
  func(f: FunctionRef): number;
  global(g: GlobalRef): number;
  type(t: FunctionType): number;
}

export const TYPE_CODES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** The block type of no parameters and no results. */
const EMPTY_BLOCK = 0x40;

export type Operand = number | bigint | LocalRef | FunctionRef | GlobalRef | FunctionType | readonly number[];

export interface Instruction {
  readonly op: OpName;
  readonly operands: readonly Operand[];
}

/** Appends one instruction. */
export function writeInstruction(
  to: Bytes,
  { op, operands }: Instruction,
  indices: Indices,
  locals: ReadonlyMap<LocalRef, number>,
): Bytes {
  const { prefix, code, immediate, align } = OPCODES[op];
  if (prefix === null) to.u8(code);
  else to.u8(prefix).unsigned(code);
  const [first, second] = operands;
  switch (immediate) {
    case "none":
      return to;
    case "block":
      return writeBlockType(to, first as FunctionType, indices);
    case "local":
      return to.unsigned(locals.get(first as LocalRef)!);
    case "func":
      return to.unsigned(indices.func(first as FunctionRef));
    case "global":
      return to.unsigned(indices.global(first as GlobalRef));
    case "label":
    case "data":
      return to.unsigned(first as number);
    case "dataZero":
      return to.unsigned(first as number).u8(0);
    case "zero":
      return to.u8(0);
    case "zeroZero":
      return to.u8(0).u8(0);
    case "i32":
    case "i64":
      return to.signed(first as number | bigint);
    case "f32":
      return to.f32(first as number);
    case "f64":
      return to.f64(first as number);
    case "v128":
    case "shuffle":
      return to.raw(first as readonly number[]);
    case "lane":
      return to.u8(first as number);
    case "mem":
      return to.unsigned(align).unsigned(first as number);
    case "memLane":
      return to
        .unsigned(align)
        .unsigned(first as number)
        .u8(second as number);
  }
}

/** One byte for no or one result and no parameters; else the index of the type, as a signed number. */
function writeBlockType(to: Bytes, type: FunctionType, indices: Indices): Bytes {
  if (type.params.length > 0 || type.results.length > 1) return to.signed(indices.type(type));
  return to.u8(type.results.length === 1 ? TYPE_CODES[type.results[0]] : EMPTY_BLOCK);
}
