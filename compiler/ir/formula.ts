/**
 * Values as mathematics: `(softmax(logits) - one_hot(label)) / n`. For people: it leaves out axes, broadcasts and shapes.
 */
import type { Value } from "./graph.ts";

const infix: Readonly<Record<string, readonly [symbol: string, level: number]>> = {
  or: ["or", 1],
  and: ["and", 2],
  eq: ["==", 3],
  ne: ["!=", 3],
  lt: ["<", 3],
  le: ["<=", 3],
  gt: [">", 3],
  ge: [">=", 3],
  add: ["+", 4],
  sub: ["-", 4],
  mul: ["*", 5],
  div: ["/", 5],
  matmul: ["@", 5],
  pow: ["^", 7],
};
const SIGN = 6;
const ATOM = 8;

/** Operations of which people see the operand only. */
const silent = new Set(["broadcast", "reshape", "cast", "stop_gradient", "relayout"]);

/**
 * @param names what to call values instead of writing out how they are computed
 * @param most operations to write out; deeper ones become `…`
 */
export function formula(value: Value, names: ReadonlyMap<Value, string> = new Map(), most = 60): string {
  return new Writer(names, most).write(value, 0);
}

class Writer {
  constructor(
    private readonly names: ReadonlyMap<Value, string>,
    private left: number,
  ) {}

  /** In parentheses where the surroundings bind at least as tightly as `level` and the expression more loosely. */
  write(value: Value, level: number): string {
    const name = this.names.get(value);
    if (name !== undefined) return name;
    if (silent.has(value.op)) return this.write(value.inputs[0], level);
    if (value.inputs.length === 0) return leaf(value, level);
    if (this.left-- <= 0) return "…";
    const [text, own] = this.compound(value);
    return own < level ? `(${text})` : text;
  }

  private compound({ op, inputs }: Value): [text: string, level: number] {
    if (op === "neg") return [`-${this.write(inputs[0], SIGN)}`, SIGN];
    if (op === "mul") return this.product(inputs[0], inputs[1]);
    const known = infix[op];
    if (!known) return [`${op}(${inputs.map((input) => this.write(input, 0)).join(", ")})`, ATOM];
    const [symbol, level] = known;
    return [`${this.write(inputs[0], level)} ${symbol} ${this.write(inputs[1], level + 1)}`, level];
  }

  /** Scalars in front, a divisor at the end: x · (2 / n) is 2 * x / n. */
  private product(x: Value, y: Value): [text: string, level: number] {
    const [, level] = infix.mul;
    if (y.type.shape.length > 0) return [`${this.write(x, level)} * ${this.write(y, level + 1)}`, level];
    if (y.op !== "div") return [`${this.write(y, level)} * ${this.write(x, level + 1)}`, level];
    const [numerator, divisor] = y.inputs;
    return [`${this.write(numerator, level)} * ${this.write(x, level + 1)} / ${this.write(divisor, level + 1)}`, level];
  }
}

function leaf({ op, attrs }: Value, level: number): string {
  if (op !== "const") return String(attrs.name ?? op);
  const number = String(attrs.value);
  return number.startsWith("-") && level > 0 ? `(${number})` : number;
}
