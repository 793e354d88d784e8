/** Reads what `printModule` writes (print.ts), through a Builder, so that types are inferred again and compared. */
import { ShapeError, type SourceFile, type Span } from "../diagnostics.ts";
import type { Builder } from "./builder.ts";
import {
  type Attr,
  type Attrs,
  type Dim,
  type DType,
  INIT_NUMBERS,
  type Init,
  type InputDecl,
  isTensorKind,
  type Module,
  type Program,
  sameType,
  type TensorDecl,
  type TensorType,
  type Value,
} from "./graph.ts";
import { isNamedLeaf, printType } from "./print.ts";

/** Says which line of the text is at fault. */
export class IrTextError extends Error {
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = "IrTextError";
  }
}

export function parseModule(text: string, b: Builder): Module {
  return new Parser(text, b).module();
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(%\d+)|(-?\d[\d.]*(?:e[+-]?\d+)?|-Infinity)|([A-Za-z_][\w.]*)|([{}[\](),:=~]))/y;
const PLACE = /\s+; (.*):(\d+):(\d+)$/;

class Parser {
  private readonly lines: readonly string[];
  private readonly pages = new Map<string, SourceFile>();
  private line = 0;
  private tokens: string[] = [];
  private at = 0;
  private span: Span | null = null;

  constructor(
    text: string,
    private readonly b: Builder,
  ) {
    this.lines = text.split(/\r?\n/);
    this.measurePages();
    this.nextLine();
  }

  module(): Module {
    this.expect("module");
    const name = this.name();
    const { batch } = this.attrs();
    if (typeof batch !== "number") this.fail("a module has {batch = …}");
    this.nextLine();
    const inputs: InputDecl[] = [];
    const tensors: TensorDecl[] = [];
    const programs: Program[] = [];
    while (this.peek() !== undefined) {
      const word = this.next();
      if (word === "input" || word === "target") inputs.push(this.input(word));
      else if (isTensorKind(word)) tensors.push(this.tensor(word));
      else if (word === "program") programs.push(this.program());
      else this.fail(`expected a declaration or a program, found ${word}`);
      this.nextLine();
    }
    this.b.span = null;
    return { name, batch, inputs, tensors, programs };
  }

  private input(role: InputDecl["role"]): InputDecl {
    const name = this.name();
    this.expect(":");
    const { dtype, shape } = this.type();
    const { classes } = this.peek() === "{" ? this.attrs() : {};
    if (dtype !== "f32" && dtype !== "i32") this.fail(`an ${role} is f32 or i32`);
    const known = classes === undefined ? {} : { classes: classes as number };
    return { name, role, dtype, shape: shape as number[], ...known, span: this.span };
  }

  private tensor(kind: TensorDecl["kind"]): TensorDecl {
    const name = this.name();
    this.expect(":");
    const { shape } = this.type();
    this.expect("~");
    const init = this.init();
    const known = (this.peek() === "{" ? this.attrs() : {}) as Omit<Partial<TensorDecl>, "shape" | "init">;
    return { name, kind, shape: shape as number[], init, ...known, span: this.span };
  }

  private init(): Init {
    const kind = this.next();
    const numbers = this.list("(", ")", () => this.number());
    if (!Object.hasOwn(INIT_NUMBERS, kind)) return this.fail(`unknown initialiser ${kind}`);
    const keys = INIT_NUMBERS[kind as Init["kind"]];
    return { kind, ...Object.fromEntries(keys.map((key, i) => [key, numbers[i]])) } as unknown as Init;
  }

  private program(): Program {
    const name = this.name();
    const values = new Map<string, Value>();
    const results: { name: string; value: Value }[] = [];
    const updates: { target: string; value: Value }[] = [];
    this.expect("{");
    for (this.nextLine(); this.peek() !== "}"; this.nextLine()) {
      const word = this.next();
      if (word === "return") results.push({ name: this.name(), value: this.assigned(values) });
      else if (word === "update") updates.push({ target: this.name(), value: this.assigned(values) });
      else values.set(word, this.value(values));
    }
    this.next();
    return { name, results, updates };
  }

  private assigned(values: ReadonlyMap<string, Value>): Value {
    this.expect("=");
    return this.operand(values);
  }

  /** After the value's name: `: type = op operands {attributes}`. */
  private value(values: ReadonlyMap<string, Value>): Value {
    this.expect(":");
    const type = this.type();
    this.expect("=");
    const op = this.next();
    const inputs: Value[] = [];
    let attrs: Attrs = {};
    if (isNamedLeaf(op)) attrs = leafAttrs(op, this.name(), type);
    else {
      while (this.peek() !== undefined && this.peek() !== "{") {
        inputs.push(this.operand(values));
        if (this.peek() === ",") this.next();
      }
      if (this.peek() === "{") attrs = this.attrs();
    }
    const value = this.build(op, inputs, attrs);
    if (!sameType(value.type, type)) {
      this.fail(`${op} gives ${printType(value.type)} here, not ${printType(type)}`);
    }
    return value;
  }

  private build(op: string, inputs: readonly Value[], attrs: Attrs): Value {
    this.b.span = this.span;
    try {
      return this.b.op(op, inputs, attrs);
    } catch (error) {
      return this.fail(error instanceof ShapeError ? error.message : String((error as Error).message));
    }
  }

  private operand(values: ReadonlyMap<string, Value>): Value {
    const token = this.peek();
    if (token?.startsWith("%")) return values.get(this.next()) ?? this.fail(`${token} is not defined before`);
    this.b.span = null;
    return this.b.const(this.number());
  }

  private attrs(): Record<string, Attr> {
    const attrs: Record<string, Attr> = {};
    this.list("{", "}", () => {
      const key = this.name();
      this.expect("=");
      attrs[key] = this.attr();
    });
    return attrs;
  }

  private attr(): Attr {
    const token = this.peek() ?? "";
    if (token === "[") return this.list("[", "]", () => this.attr()) as Attr;
    if (token.startsWith('"')) return JSON.parse(this.next());
    if (token === "true" || token === "false") return this.next() === "true";
    if (token === "n") return this.next();
    return this.number();
  }

  private type(): TensorType {
    const dtype = this.next();
    if (!["f32", "i32", "u8", "bool"].includes(dtype)) this.fail(`unknown element type ${dtype}`);
    const shape = this.list("[", "]", () => (this.peek() === "n" ? (this.next() as Dim) : this.number()));
    return { dtype: dtype as DType, shape };
  }

  private number(): number {
    const token = this.next();
    if (token === "NaN") return Number.NaN;
    const number = Number(token);
    return Number.isNaN(number) ? this.fail(`expected a number, found ${token}`) : number;
  }

  private name(): string {
    const token = this.next();
    if (token.startsWith('"')) return JSON.parse(token);
    return /^[A-Za-z_]/.test(token) ? token : this.fail(`expected a name, found ${token}`);
  }

  private list<T>(open: string, close: string, item: () => T): T[] {
    const items: T[] = [];
    this.expect(open);
    while (this.peek() !== close) {
      items.push(item());
      if (this.peek() !== close) this.expect(",");
    }
    this.next();
    return items;
  }

  private peek(): string | undefined {
    return this.tokens[this.at];
  }

  private next(): string {
    return this.tokens[this.at++] ?? this.fail("the line ends too early");
  }

  private expect(token: string): void {
    const found = this.next();
    if (found !== token) this.fail(`expected ${token}, found ${found}`);
  }

  /** Goes to the next line that holds anything; no tokens at the end of the text. */
  private nextLine(): void {
    if (this.at < this.tokens.length) this.fail(`${this.peek()} is too much`);
    this.tokens = [];
    this.at = 0;
    while (this.tokens.length === 0 && this.line < this.lines.length) this.readLine(this.lines[this.line++]);
  }

  private readLine(line: string): void {
    const located = PLACE.exec(line);
    this.span = located && this.spanAt(located[1], Number(located[2]), Number(located[3]));
    const code = (located ? line.slice(0, located.index) : line).trimEnd();
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < code.length) {
      const start = TOKEN.lastIndex;
      const token = TOKEN.exec(code);
      if (!token) this.fail(`cannot read ${code.slice(start).trim()}`);
      else this.tokens.push(token[0].trim());
    }
  }

  /** The files' texts are not in the IR: blank pages, large enough for every place named, stand for them. */
  private measurePages(): void {
    const sizes = new Map<string, [lines: number, columns: number]>();
    for (const line of this.lines) {
      const found = PLACE.exec(line);
      if (!found) continue;
      const [lines, columns] = sizes.get(found[1]) ?? [0, 0];
      sizes.set(found[1], [Math.max(lines, Number(found[2])), Math.max(columns, Number(found[3]))]);
    }
    for (const [name, [lines, columns]] of sizes) {
      this.pages.set(name, { name, text: `${" ".repeat(columns)}\n`.repeat(lines) });
    }
  }

  private spanAt(name: string, line: number, column: number): Span {
    const file = this.pages.get(name)!;
    const start = (line - 1) * (file.text.indexOf("\n") + 1) + column - 1;
    return { file, start, end: start };
  }

  private fail(message: string): never {
    throw new IrTextError(this.line, message);
  }
}

function leafAttrs(op: string, name: string, { dtype, shape }: TensorType): Attrs {
  if (op === "host") return { name };
  return op === "input" ? { name, dtype, shape } : { name, shape };
}
