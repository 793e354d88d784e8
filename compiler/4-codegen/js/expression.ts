/** Expressions of the loop IR as JavaScript: numbers are float64, i32 arithmetic wraps, bool is true or false. */
import type { Affine, BinaryOp, Buffer, CompareOp, Expr, Local, UnaryOp } from "../../ir/loops.ts";
import type { Helper } from "./helpers.ts";
import type { Rounding } from "./rounding.ts";

/** What the text of one function needs to know. */
export interface Context {
  name(x: Local | Buffer): string;
  /** Marks a helper as used and gives its name. */
  helper(name: Helper): string;
  readonly rounding: Rounding;
}

/** The typed array of each kind of element. */
export const VIEWS = { f32: "F", i32: "I", u8: "U" } as const;

/** How tightly operators bind. */
const BINDS = {
  primary: 20,
  unary: 14,
  product: 12,
  sum: 11,
  shift: 10,
  order: 9,
  equality: 8,
  and: 7,
  xor: 6,
  or: 5,
  both: 4,
  either: 3,
  choice: 2,
} as const;

interface Text {
  readonly text: string;
  readonly binds: number;
}

export function expression(e: Expr, c: Context): string {
  return write(e, c).text;
}

const primary = (text: string): Text => ({ text, binds: BINDS.primary });
const call = (f: string, ...args: Text[]): Text => primary(`${f}(${args.map((a) => a.text).join(", ")})`);
const within = (t: Text, least: number): string => (t.binds >= least ? t.text : `(${t.text})`);

/** Operators group to the left; the right operand keeps its parentheses, as floating-point sums are not associative. */
function infix(a: Text, operator: string, b: Text, binds: number): Text {
  return { text: `${within(a, binds)} ${operator} ${within(b, binds + 1)}`, binds };
}

const wrap = (t: Text): Text => infix(t, "|", primary("0"), BINDS.or);

function write(e: Expr, c: Context): Text {
  const of = (x: Expr) => write(x, c);
  if (e.ty.endsWith("x4")) throw new TypeError(`the JavaScript backend takes scalar kernels; found a vector ${e.k}`);
  switch (e.k) {
    case "const":
      return constant(e.ty === "f32" ? c.rounding.constant(e.value as number) : (e.value as number), e.ty === "bool");
    case "local":
      return primary(c.name(e.v));
    case "unary":
      return unary(e.op, e.ty, of(e.a), c);
    case "binary":
      if (e.ty === "i32") return integer(e.op, of(e.a), of(e.b), constantOf(e.b), c);
      return e.ty === "bool" ? logic(e.op, of(e.a), of(e.b)) : float(e.op, of(e.a), of(e.b), c);
    case "compare":
      return compare(e, of, c);
    case "select":
      return choice(of(e.cond), of(e.a), of(e.b));
    case "cast":
      if (e.a.ty === "bool") return choice(of(e.a), primary("1"), primary("0"));
      return e.ty === "i32" ? call(c.helper("toInt"), of(e.a)) : of(e.a);
    case "load":
      return primary(`${VIEWS[e.buffer.elem]}[${address(e.buffer, e.at, c)}]`);
    case "share":
      throw new TypeError("the JavaScript backend has one thread");
    case "uniform": {
      const key = infix(of(e.seed), "^", primary(hex(Math.imul(e.site, 0x9e3779b9))), BINDS.xor);
      return call(c.helper("uniform"), of(e.index), of(e.step), key);
    }
    default:
      throw new TypeError(`the JavaScript backend takes scalar kernels; found ${e.k}`);
  }
}

/** An element index of the buffer's typed array. */
export function address(buffer: Buffer, at: Affine, c: Context): string {
  const pointer = at.terms.find((t) => t.v.pointsTo);
  const others = at.terms.filter((t) => t !== pointer);
  let text = c.name(pointer ? pointer.v : buffer);
  for (const { v, by } of others) {
    const size = Math.abs(by);
    text += `${by < 0 ? " - " : " + "}${size === 1 ? "" : `${size} * `}${c.name(v)}`;
  }
  if (at.base !== 0) text += at.base < 0 ? ` - ${-at.base}` : ` + ${at.base}`;
  return text;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const constantOf = (e: Expr): number | null => (e.k === "const" ? (e.value as number) : null);

function constant(value: number, bool: boolean): Text {
  if (bool) return primary(value === 0 ? "false" : "true");
  if (Object.is(value, -0)) return { text: "-0", binds: BINDS.unary };
  return { text: String(value), binds: value < 0 ? BINDS.unary : BINDS.primary };
}

const choice = (cond: Text, a: Text, b: Text): Text => ({
  text: `${within(cond, BINDS.either)} ? ${within(a, BINDS.choice)} : ${within(b, BINDS.choice)}`,
  binds: BINDS.choice,
});

const MATH: readonly UnaryOp[] = ["abs", "sqrt", "floor", "ceil", "exp", "log", "log1p", "expm1", "tanh", "sin", "cos"];

function unary(op: UnaryOp, ty: Expr["ty"], a: Text, c: Context): Text {
  if (MATH.includes(op)) return call(`Math.${op}`, a);
  if (op === "nearest" || op === "sigmoid" || op === "erf") return call(c.helper(op), a);
  const sign = op === "not" ? "!" : "-";
  const operand = within(a, BINDS.unary);
  const text = { text: operand.startsWith(sign) ? `${sign}(${operand})` : sign + operand, binds: BINDS.unary };
  return op === "neg" && ty === "i32" ? wrap(text) : text;
}

function float(op: BinaryOp, a: Text, b: Text, c: Context): Text {
  switch (op) {
    case "add":
      return infix(a, "+", b, BINDS.sum);
    case "sub":
      return infix(a, "-", b, BINDS.sum);
    case "mul":
      return infix(a, "*", b, BINDS.product);
    case "div":
      return infix(a, "/", b, BINDS.product);
    case "max":
    case "min":
      return call(`Math.${op}`, a, b);
    case "pmax":
    case "pmin":
      return call(c.helper(op), a, b);
    case "pow":
      return call(c.helper("power"), a, b);
    default:
      throw new TypeError(`no ${op} of floats`);
  }
}

function integer(op: BinaryOp, a: Text, b: Text, divisor: number | null, c: Context): Text {
  switch (op) {
    case "add":
      return wrap(infix(a, "+", b, BINDS.sum));
    case "sub":
      return wrap(infix(a, "-", b, BINDS.sum));
    case "mul":
      return call("Math.imul", a, b);
    case "div":
      if (divisor === null || divisor <= 0)
        throw new TypeError("integer division by something else than a positive constant");
      return wrap(call("Math.floor", infix(a, "/", b, BINDS.product)));
    case "rem":
      return call(c.helper("modulo"), a, b);
    case "max":
    case "pmax":
      return call("Math.max", a, b);
    case "min":
    case "pmin":
      return call("Math.min", a, b);
    case "and":
      return infix(a, "&", b, BINDS.and);
    case "or":
      return infix(a, "|", b, BINDS.or);
    case "xor":
      return infix(a, "^", b, BINDS.xor);
    case "shl":
      return infix(a, "<<", b, BINDS.shift);
    case "shr_u":
      return wrap(infix(a, ">>>", b, BINDS.shift));
    default:
      throw new TypeError(`no ${op} of integers`);
  }
}

function logic(op: BinaryOp, a: Text, b: Text): Text {
  if (op === "and") return infix(a, "&&", b, BINDS.both);
  return op === "or" ? infix(a, "||", b, BINDS.either) : infix(a, "!==", b, BINDS.equality);
}

const RELATIONS: Readonly<Record<CompareOp, string>> = { eq: "===", ne: "!==", lt: "<", le: "<=", gt: ">", ge: ">=" };

function compare({ op, a, b }: Extract<Expr, { k: "compare" }>, of: (e: Expr) => Text, { rounding }: Context): Text {
  const constant = a.k === "const" || b.k === "const";
  const rounded = (e: Expr): Text => (!constant && rounding.isWide(e) ? call("Math.fround", of(e)) : of(e));
  return infix(rounded(a), RELATIONS[op], rounded(b), op === "eq" || op === "ne" ? BINDS.equality : BINDS.order);
}
