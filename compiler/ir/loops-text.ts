/**
 * Loop IR as text: `print` for people, and a canonical form in which kernels that differ in names only are equal.
 *
 *     kernel scale(x: f32, y: f32; n)
 *       for i = 0 to n step 4
 *         let v: f32x4 = x[i :1]
 *         y[i :1] = (v * 0.5)
 */
import {
  type Address,
  type Affine,
  type Buffer,
  type Call,
  callsOf,
  countersOf,
  type Expr,
  isBlocks,
  type Kernel,
  type Local,
  type LoopModule,
  type PartCall,
  type ProgramStep,
  type Stmt,
  type Ty,
} from "./loops.ts";
import { sizesOf } from "./teams.ts";

/** What locals and buffers are called. */
type Names = (x: Local | Buffer) => string;

export function printLoops(module: LoopModule): string {
  const kernels = new Set(module.programs.flatMap((p) => callsOf(p).map((c) => c.kernel)));
  const programs = module.programs.map((p) => [`program ${p.name}`, ...p.steps.flatMap(step)].join("\n"));
  return `${[...[...kernels].map(printKernel), ...programs].join("\n\n")}\n`;
}

function step(s: ProgramStep): string[] {
  if (!isBlocks(s)) return [`  ${call(s)}`];
  const parts = s.parts.flatMap(({ samples, sums, calls }) => [
    ...sums.map(({ at, bytes }) => `    zero ${bytes} bytes at ${address(at)}`),
    `    for ${samples} samples at a time`,
    ...calls.map((c) => `      ${call(c)}`),
  ]);
  return [`  for each team: ${sizesOf(s.teams)}`, ...parts];
}

const call = ({ kernel, args }: Call | PartCall): string =>
  `${kernel.name}(${args.map((arg) => (typeof arg === "number" ? arg : address(arg))).join(", ")})`;

const address = ({ base, ...steps }: Address): string =>
  [base, ...Object.entries(steps).map(([name, bytes]) => `${bytes}·${name}`)].join(" + ");

export function printKernel(kernel: Kernel): string {
  const used = new Map<string, number>();
  const names = memo((x) => {
    const count = used.get(x.name) ?? 0;
    used.set(x.name, count + 1);
    return count === 0 ? x.name : `${x.name}'${count}`;
  });
  return write(kernel, kernel.name, names);
}

/** Names are replaced by the order in which they occur. */
export function canonicalKernel(kernel: Kernel): string {
  let count = 0;
  return write(
    kernel,
    "",
    memo(() => `v${count++}`),
  );
}

function memo(name: Names): Names {
  const known = new Map<Local | Buffer, string>();
  return (x) => {
    const text = known.get(x) ?? name(x);
    known.set(x, text);
    return text;
  };
}

function write(kernel: Kernel, name: string, names: Names): string {
  const params = kernel.buffers.map((b) => `${names(b)}: ${b.elem}`).join(", ");
  const samples = countersOf(kernel).map(names).join(", ");
  const lines = [`kernel ${name}(${params}; ${samples})`];
  for (const s of kernel.body) statement(s, names, "  ", lines);
  return lines.join("\n");
}

/** Adds the lines of a statement. */
function statement(s: Stmt, names: Names, indent: string, lines: string[]): void {
  const expr = (e: Expr) => expression(e, names);
  const line = (text: string) => lines.push(indent + text);
  const nested = (block: readonly Stmt[]) => {
    for (const inner of block) statement(inner, names, `${indent}  `, lines);
  };
  switch (s.k) {
    case "let":
      line(`let ${names(s.v)}: ${s.v.ty} = ${expr(s.init)}`);
      return;
    case "set":
      line(`${names(s.v)} = ${expr(s.value)}`);
      return;
    case "store": {
      const lanes = s.value.ty.endsWith("x4") ? ` :${s.stride}${s.count === undefined ? "" : ` x${s.count}`}` : "";
      line(`${names(s.buffer)}[${place(s.at, names)}${lanes}] = ${expr(s.value)}`);
      return;
    }
    case "for": {
      const parallel = s.parallel ? `parallel ${s.parallel} ` : "";
      line(`${parallel}for ${names(s.v)} = ${expr(s.from)} to ${expr(s.to)} step ${s.step}`);
      nested(s.body);
      return;
    }
    case "if":
      line(`if ${expr(s.cond)}`);
      nested(s.then);
      if (s.else.length > 0) line("else");
      nested(s.else);
      return;
    case "zero":
      line(`${s.parallel ? "parallel " : ""}${names(s.buffer)}[${place(s.at, names)} ..+${expr(s.count)}] = 0`);
      return;
    case "barrier":
      line("barrier");
      return;
    case "loop":
      line("do");
      nested(s.body);
      line(`while ${expr(s.while)}`);
      return;
    case "point":
      line(`${names(s.v)} = &${names(s.v.pointsTo!)}[${place(s.at, names)}]`);
  }
}

const SYMBOLS: Readonly<Record<string, string>> = {
  ...{ add: "+", sub: "-", mul: "*", div: "/", rem: "%", and: "&", or: "|", xor: "^", shl: "<<", shr_u: ">>>" },
  ...{ eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=" },
};

function expression(e: Expr, names: Names): string {
  const expr = (x: Expr) => expression(x, names);
  switch (e.k) {
    case "const":
      return constant(e.ty, e.value);
    case "local":
      return names(e.v);
    case "unary":
      return `${e.op}(${expr(e.a)})`;
    case "binary":
    case "compare": {
      const symbol = SYMBOLS[e.op];
      return symbol ? `(${expr(e.a)} ${symbol} ${expr(e.b)})` : `${e.op}(${expr(e.a)}, ${expr(e.b)})`;
    }
    case "select":
      return `select(${expr(e.cond)}, ${expr(e.a)}, ${expr(e.b)})`;
    case "cast":
      return `${e.ty}(${expr(e.a)})`;
    case "splat":
      return `splat(${expr(e.a)})`;
    case "fold":
      return `fold_${e.op}(${expr(e.a)})`;
    case "lane":
      return `${expr(e.a)}.${e.lane}`;
    case "load":
      return `${names(e.buffer)}[${place(e.at, names)}${e.ty.endsWith("x4") ? ` :${e.stride}` : ""}]`;
    case "share":
      return `share(${expr(e.trips)}, ${e.fromLast ? "from last " : ""}${e.end ? "end" : "begin"})`;
    case "uniform":
      return `uniform${e.ty === "f32" ? "" : "4"}(${expr(e.index)}, ${expr(e.step)}, ${expr(e.seed)} ^ site ${e.site})`;
  }
}

/** `1.0`, `1`, `true`, and in vectors `1.0x4` or `<0 1 2 3>`: each type looks different. */
function constant(ty: Ty, value: number | readonly number[]): string {
  const one = (v: number) => {
    if (ty.startsWith("bool")) return v === 0 ? "false" : "true";
    const text = Object.is(v, -0) ? "-0" : String(v);
    return ty.startsWith("f32") && Number.isInteger(v) && !text.includes("e") ? `${text}.0` : text;
  };
  if (typeof value !== "number") return `<${value.map(one).join(" ")}>`;
  return ty.endsWith("x4") ? `${one(value)}x4` : one(value);
}

function place(at: Affine, names: Names): string {
  const terms = at.terms.map(({ v, by }) => (by === 1 ? names(v) : `${by}*${names(v)}`));
  return [...terms, ...(at.base !== 0 || terms.length === 0 ? [at.base] : [])].join(" + ");
}
