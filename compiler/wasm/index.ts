/** A WebAssembly assembler and binary encoder. */
export { Bytes } from "./bytes.ts";
export { Code } from "./code.ts";
export type { FunctionRef, FunctionType, GlobalRef, Instruction, Label, LocalRef } from "./instruction.ts";
export { type MemoryType, WasmModule } from "./module.ts";
export type { Opcode, ValueType } from "./opcode.ts";
export { OPCODES, type OpName } from "./opcodes.ts";
