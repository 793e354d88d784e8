/** The opcode table: every instruction that the assembler knows, by its name in the text format. */
import type { Opcode } from "./opcode.ts";
import { ATOMICS } from "./opcodes-atomics.ts";
import { CORE } from "./opcodes-core.ts";
import { SIMD } from "./opcodes-simd.ts";

const TABLE = { ...CORE, ...SIMD, ...ATOMICS };

export type OpName = keyof typeof TABLE;
export const OPCODES: Readonly<Record<OpName, Opcode>> = TABLE;
