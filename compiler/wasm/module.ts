/** Encodes a module: sections in the order of the binary format, empty ones left out. */
import { Bytes } from "./bytes.ts";
import { Code } from "./code.ts";
import { type FunctionRef, type FunctionType, type GlobalRef, type Indices, TYPE_CODES } from "./instruction.ts";
import type { ValueType } from "./opcode.ts";
import { OPCODES } from "./opcodes.ts";

const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  func: 3,
  memory: 5,
  global: 6,
  export: 7,
  code: 10,
  data: 11,
} as const;
const KIND = { func: 0, memory: 2, global: 3 } as const;
const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

export interface MemoryType {
  /** In pages of 64 KiB. */
  readonly min: number;
  readonly max: number;
  readonly shared?: boolean;
}

interface Import {
  readonly module: string;
  readonly field: string;
  readonly what: FunctionRef | MemoryType;
}

export class WasmModule {
  private readonly imports: Import[] = [];
  private readonly functions: Code[] = [];
  private readonly globals: (GlobalRef & { readonly init: number })[] = [];
  private readonly exports: { readonly name: string; readonly what: FunctionRef | GlobalRef | "memory" }[] = [];
  private readonly segments: { readonly address: number; readonly bytes: Uint8Array }[] = [];
  private memoryType: MemoryType | null = null;

  /** The module's one memory, which it defines. */
  memory(type: MemoryType): void {
    this.memoryType = type;
  }
  importMemory(module: string, field: string, type: MemoryType): void {
    this.imports.push({ module, field, what: type });
  }
  importFunction(module: string, field: string, type: FunctionType): FunctionRef {
    const ref = { name: field, type };
    this.imports.push({ module, field, what: ref });
    return ref;
  }
  /** Of type v128, it begins with zeros. */
  global(type: ValueType, mutable: boolean, init: number): GlobalRef {
    const ref = { type, mutable, init };
    this.globals.push(ref);
    return ref;
  }
  /** A function; `build` writes its body. Names need not be unique. */
  func(name: string, type: FunctionType, build: (code: Code) => void): Code {
    const code = new Code(name, type);
    build(code);
    this.functions.push(code);
    return code;
  }
  export(name: string, what: FunctionRef | GlobalRef | "memory"): void {
    this.exports.push({ name, what });
  }
  /** Bytes written to memory when the module is instantiated. */
  data(address: number, bytes: Uint8Array): void {
    this.segments.push({ address, bytes });
  }

  /** With `names`, a custom section tells profilers and debuggers the functions' names. */
  encode(options: { readonly names?: boolean } = {}): Uint8Array {
    const imported = this.imports.map((i) => i.what).filter((what): what is FunctionRef => "name" in what);
    // Those of a name are alike, and next to each other they compress well: gzip looks back 32 KiB.
    const defined = [...this.functions].sort((a, b) => compare(a.name, b.name));
    const functions: readonly FunctionRef[] = [...imported, ...defined];
    const types = new TypeTable();
    const indices: Indices = {
      func: (f) => indexIn(functions, f),
      global: (g) => indexIn(this.globals as readonly GlobalRef[], g),
      type: (t) => types.index(t),
    };
    // Bodies first: they and the declarations add the types that they use to the table.
    const imports = new Bytes().vector(this.imports, (i, to) => this.writeImport(to, i, types));
    const declarations = new Bytes().vector(defined, (f, to) => to.unsigned(types.index(f.type)));
    const bodies = new Bytes().vector(defined, (code, to) => to.sized(code.encode(indices)));

    const out = new Bytes().raw(HEADER);
    const section = (id: number, content: Bytes, items: number) => {
      if (items > 0) out.u8(id).sized(content);
    };
    section(SECTION.type, types.encode(), types.size);
    section(SECTION.import, imports, this.imports.length);
    section(SECTION.func, declarations, defined.length);
    if (this.memoryType) section(SECTION.memory, writeLimits(new Bytes().unsigned(1), this.memoryType), 1);
    section(SECTION.global, new Bytes().vector(this.globals, writeGlobal), this.globals.length);
    section(SECTION.export, this.encodeExports(indices), this.exports.length);
    section(SECTION.code, bodies, defined.length);
    section(SECTION.data, new Bytes().vector(this.segments, writeSegment), this.segments.length);
    if (options.names) section(SECTION.custom, nameSection(functions), functions.length);
    return out.toUint8Array();
  }

  private writeImport(to: Bytes, { module, field, what }: Import, types: TypeTable): void {
    to.name(module).name(field);
    if ("name" in what) to.u8(KIND.func).unsigned(types.index(what.type));
    else writeLimits(to.u8(KIND.memory), what);
  }

  private encodeExports(indices: Indices): Bytes {
    return new Bytes().vector(this.exports, ({ name, what }, to) => {
      to.name(name);
      if (what === "memory") to.u8(KIND.memory).u8(0);
      else if ("mutable" in what) to.u8(KIND.global).unsigned(indices.global(what));
      else to.u8(KIND.func).unsigned(indices.func(what));
    });
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Function types in order of first use, each once. */
class TypeTable {
  private readonly known = new Map<string, number>();
  private readonly types: FunctionType[] = [];

  get size(): number {
    return this.types.length;
  }
  index(type: FunctionType): number {
    const key = `${type.params}:${type.results}`;
    let index = this.known.get(key);
    if (index === undefined) {
      index = this.types.push(type) - 1;
      this.known.set(key, index);
    }
    return index;
  }
  encode(): Bytes {
    const write = (t: ValueType, to: Bytes) => to.u8(TYPE_CODES[t]);
    return new Bytes().vector(this.types, (type, to) =>
      to.u8(0x60).vector(type.params, write).vector(type.results, write),
    );
  }
}

function indexIn<T extends object>(list: readonly T[], item: T): number {
  const index = list.indexOf(item);
  if (index < 0) throw new TypeError("not of this module");
  return index;
}

/** Limits with a maximum, which a shared memory must have and an unshared one is faster with. */
function writeLimits(to: Bytes, type: MemoryType): Bytes {
  return to
    .u8(type.shared ? 3 : 1)
    .unsigned(type.min)
    .unsigned(type.max);
}

function writeGlobal(global: GlobalRef & { readonly init: number }, to: Bytes): void {
  to.u8(TYPE_CODES[global.type]).u8(global.mutable ? 1 : 0);
  if (global.type === "i32") to.u8(OPCODES["i32.const"].code).signed(global.init | 0);
  else if (global.type === "i64") to.u8(OPCODES["i64.const"].code).signed(BigInt(global.init));
  else if (global.type === "f32") to.u8(OPCODES["f32.const"].code).f32(global.init);
  else if (global.type === "f64") to.u8(OPCODES["f64.const"].code).f64(global.init);
  else to.u8(OPCODES["v128.const"].prefix!).unsigned(OPCODES["v128.const"].code).raw(new Uint8Array(16));
  to.u8(OPCODES.end.code);
}

function writeSegment(segment: { readonly address: number; readonly bytes: Uint8Array }, to: Bytes): void {
  to.unsigned(0)
    .u8(OPCODES["i32.const"].code)
    .signed(segment.address | 0)
    .u8(OPCODES.end.code)
    .sized(segment.bytes);
}

/** Subsection 1 of the custom section `name`: function indices and names. */
function nameSection(functions: readonly FunctionRef[]): Bytes {
  const names = new Bytes().vector([...functions.entries()], ([index, f], to) => to.unsigned(index).name(f.name));
  return new Bytes().name("name").u8(1).sized(names);
}
