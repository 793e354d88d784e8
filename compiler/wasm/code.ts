/** Assembles the body of one function. Checks the type of every operand, so a mistake is named where it is made. */
import { Bytes } from "./bytes.ts";
import {
  type FunctionRef,
  type FunctionType,
  type GlobalRef,
  type Indices,
  type Instruction,
  type Label,
  type LocalRef,
  type Operand,
  TYPE_CODES,
  writeInstruction,
} from "./instruction.ts";
import type { ValueType } from "./opcode.ts";
import { OPCODES, type OpName } from "./opcodes.ts";
import { placesOf } from "./places.ts";

interface Frame {
  readonly label: Label;
  readonly results: readonly ValueType[];
  /** Height of the operand stack at the start. */
  readonly base: number;
  /** After an unconditional branch anything may be popped. */
  unreachable: boolean;
}

const NOTHING: FunctionType = { params: [], results: [] };

export class Code {
  readonly params: readonly LocalRef[];
  private readonly locals: LocalRef[] = [];
  private readonly instructions: Instruction[] = [];
  private readonly stack: ValueType[] = [];
  private readonly frames: Frame[];

  constructor(
    readonly name: string,
    readonly type: FunctionType,
  ) {
    this.params = type.params.map((param) => ({ type: param }));
    this.frames = [{ label: { types: type.results }, results: type.results, base: 0, unreachable: false }];
  }

  local(type: ValueType): LocalRef {
    const local = { type };
    this.locals.push(local);
    return local;
  }

  /** Written so far. */
  get body(): readonly Instruction[] {
    return this.instructions;
  }

  /** An instruction whose operand types do not depend on context; memory accesses take (offset[, lane]). */
  op(name: OpName, ...operands: readonly (number | bigint | readonly number[])[]): this {
    const { params, results } = OPCODES[name];
    this.pop(params, name);
    this.push(results);
    return this.add(name, operands);
  }

  get(v: LocalRef): this {
    this.push([v.type]);
    return this.add("local.get", [v]);
  }
  set(v: LocalRef): this {
    this.pop([v.type], "local.set");
    return this.add("local.set", [v]);
  }
  tee(v: LocalRef): this {
    this.pop([v.type], "local.tee");
    this.push([v.type]);
    return this.add("local.tee", [v]);
  }
  getGlobal(g: GlobalRef): this {
    this.push([g.type]);
    return this.add("global.get", [g]);
  }
  setGlobal(g: GlobalRef): this {
    this.pop([g.type], "global.set");
    return this.add("global.set", [g]);
  }
  /** `value` as a signed or unsigned 32-bit integer. */
  i32(value: number): this {
    return this.op("i32.const", value | 0);
  }

  drop(): this {
    this.popAny("drop");
    return this.add("drop", []);
  }
  /** Takes a, b and a condition; leaves a where the condition holds. */
  select(): this {
    this.pop(["i32"], "select");
    const b = this.popAny("select");
    if (b !== null) {
      this.pop([b], "select");
      this.push([b]);
    }
    return this.add("select", []);
  }
  call(f: FunctionRef): this {
    this.pop(f.type.params, `call ${f.name}`);
    this.push(f.type.results);
    return this.add("call", [f]);
  }

  block(body: (label: Label) => void, type: FunctionType = NOTHING): this {
    return this.nested("block", type, type.results, body);
  }
  loop(body: (label: Label) => void, type: FunctionType = NOTHING): this {
    return this.nested("loop", type, type.params, body);
  }
  /** Takes a condition. */
  if(then: (label: Label) => void, otherwise?: (label: Label) => void, type: FunctionType = NOTHING): this {
    this.pop(["i32"], "if");
    return this.nested("if", type, type.results, then, otherwise);
  }
  br(label: Label): this {
    this.pop(label.types, "br");
    this.add("br", [this.depth(label)]);
    return this.unreachable();
  }
  brIf(label: Label): this {
    this.pop(["i32"], "br_if");
    this.pop(label.types, "br_if");
    this.push(label.types);
    return this.add("br_if", [this.depth(label)]);
  }
  return(): this {
    this.pop(this.type.results, "return");
    this.add("return", []);
    return this.unreachable();
  }

  /** The body as the code section holds it: places of locals, by type, then the instructions. */
  encode(indices: Indices): Bytes {
    this.finish(this.frames[0], "end of function");
    const { indices: places, groups } = placesOf(this.params, this.locals, this.instructions);
    const bytes = new Bytes();
    bytes.vector(groups, ({ type, count }) => bytes.unsigned(count).u8(TYPE_CODES[type]));
    for (const instruction of this.instructions) writeInstruction(bytes, instruction, indices, places);
    return bytes.u8(OPCODES.end.code);
  }

  private add(op: OpName, operands: readonly Operand[]): this {
    this.instructions.push({ op, operands });
    return this;
  }

  private nested(
    op: "block" | "loop" | "if",
    type: FunctionType,
    types: readonly ValueType[],
    body: (label: Label) => void,
    otherwise?: (label: Label) => void,
  ): this {
    this.pop(type.params, op);
    const frame = { label: { types }, results: type.results, base: this.stack.length, unreachable: false };
    this.frames.push(frame);
    this.push(type.params);
    this.add(op, [type]);
    body(frame.label);
    if (otherwise) {
      this.finish(frame, "else");
      frame.unreachable = false;
      this.push(type.params);
      this.add("else", []);
      otherwise(frame.label);
    }
    this.finish(frame, `end of ${op}`);
    this.frames.pop();
    this.push(type.results);
    return this.add("end", []);
  }

  /** At the end of a block, the stack holds its results and nothing else. */
  private finish(frame: Frame, where: string): void {
    this.pop(frame.results, where);
    if (this.stack.length !== frame.base) this.fail(where, `${this.stack.slice(frame.base).join(" ")} left over`);
  }

  private unreachable(): this {
    const frame = this.frames[this.frames.length - 1];
    this.stack.length = frame.base;
    frame.unreachable = true;
    return this;
  }

  private depth(label: Label): number {
    const index = this.frames.findIndex((frame) => frame.label === label);
    if (index < 0) this.fail("branch", "the label is not around it");
    return this.frames.length - 1 - index;
  }

  private push(types: readonly ValueType[]): void {
    this.stack.push(...types);
  }

  private pop(types: readonly ValueType[], what: string): void {
    for (let i = types.length - 1; i >= 0; i--) {
      const found = this.popAny(what);
      if (found !== null && found !== types[i]) {
        this.fail(what, `takes ${types.join(" ")}, but operand ${i + 1} is ${found}`);
      }
    }
  }

  private popAny(what: string): ValueType | null {
    const frame = this.frames[this.frames.length - 1];
    if (this.stack.length > frame.base) return this.stack.pop()!;
    if (!frame.unreachable) this.fail(what, "takes an operand more than there are");
    return null;
  }

  private fail(what: string, why: string): never {
    throw new TypeError(`${this.name}, instruction ${this.instructions.length}, ${what}: ${why}`);
  }
}
