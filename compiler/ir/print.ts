/**
 * The IR as text: `%3 : f32[n, 16, 32, 32] = conv2d %0, %1 {padding = [2, 2, 2, 2], …}   ; cifar_net.model:4:3`.
 *
 * Values are numbered within their program, operands before users; attributes are sorted; constants stand where they are
 * used; a leaf shows its name, its type says the rest. `parseModule` (parse.ts) reads it back.
 */
import { place, type Span } from "../diagnostics.ts";
import {
  type Attr,
  INIT_NUMBERS,
  type InputDecl,
  isTensorKind,
  type Module,
  type Program,
  roots,
  type TensorDecl,
  type TensorType,
  topological,
  type Value,
} from "./graph.ts";

/** What each value of a program is called: `%3`, or the number that a constant is. */
export type Names = ReadonlyMap<Value, string>;

export function namesOf(values: Iterable<Value>): Names {
  const names = new Map<Value, string>();
  let next = 0;
  for (const value of topological(values)) {
    names.set(value, value.op === "const" ? String(value.attrs.value) : `%${next++}`);
  }
  return names;
}

export function printType({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(", ")}]`;
}

/** One line, without its place. */
export function printValue(value: Value, names: Names): string {
  const head = `${names.get(value)} : ${printType(value.type)} = ${value.op}`;
  if (isNamedLeaf(value.op)) return `${head} ${JSON.stringify(value.attrs.name)}`;
  const operands = value.inputs.map((input) => names.get(input)).join(", ");
  return [head, operands, printAttrs(value.attrs)].filter((part) => part !== "").join(" ");
}

/** Whether the name says which leaf it is; a packed one has a layout too. */
export function isNamedLeaf(op: string): boolean {
  return op === "input" || op === "host" || (isTensorKind(op) && op !== "packed");
}

export function printProgram(program: Program): string {
  const names = namesOf(roots(program));
  const lines = [...names.keys()]
    .filter((value) => value.op !== "const")
    .map((value) => located(printValue(value, names), value.span));
  const results = program.results.map(({ name, value }) => `return ${printName(name)} = ${names.get(value)}`);
  const updates = program.updates.map(({ target, value }) => `update ${printName(target)} = ${names.get(value)}`);
  const body = [...lines, ...results, ...updates].map((line) => `  ${line}\n`).join("");
  return `program ${printName(program.name)} {\n${body}}\n`;
}

export function printModule(module: Module): string {
  const head = `module ${printName(module.name)} {batch = ${module.batch}}\n`;
  const declarations = [...module.inputs.map(printInput), ...module.tensors.map(printTensor)];
  return [head, declarations.map((line) => `${line}\n`).join(""), ...module.programs.map(printProgram)]
    .filter((part) => part !== "")
    .join("\n");
}

function printInput({ name, role, dtype, shape, classes, span }: InputDecl): string {
  const attrs = classes === undefined ? "" : ` {classes = ${classes}}`;
  return located(`${role} ${JSON.stringify(name)} : ${printType({ dtype, shape })}${attrs}`, span);
}

function printTensor({ name, kind, shape, init, frozen, averageOf, combine, layout, span }: TensorDecl): string {
  const numbers: Readonly<Record<string, unknown>> = { ...init };
  const args = INIT_NUMBERS[init.kind].map((key) => numbers[key]);
  const type = printType({ dtype: "f32", shape });
  const line = `${kind} ${JSON.stringify(name)} : ${type} ~ ${init.kind}(${args.join(", ")})`;
  const attrs = printAttrs({
    ...(frozen && { frozen }),
    ...(averageOf !== undefined && { averageOf }),
    ...(combine !== undefined && { combine }),
    ...(layout !== undefined && { layout }),
  });
  return located(attrs === "" ? line : `${line} ${attrs}`, span);
}

function located(line: string, span: Span | null): string {
  return span ? `${line}   ; ${place(span)}` : line;
}

/** As it is where it is a name (with dots), else quoted. */
function printName(name: string): string {
  return /^[A-Za-z_][\w.]*$/.test(name) ? name : JSON.stringify(name);
}

function printAttrs(attrs: Value["attrs"]): string {
  const entries = Object.keys(attrs)
    .sort()
    .map((key) => `${key} = ${printAttr(attrs[key])}`);
  return entries.length === 0 ? "" : `{${entries.join(", ")}}`;
}

function printAttr(attr: Attr | readonly number[]): string {
  if (typeof attr === "object") return `[${attr.map((item) => (item === "n" ? "n" : printAttr(item))).join(", ")}]`;
  return typeof attr === "string" ? JSON.stringify(attr) : String(attr);
}
