/**
 * Looks at the definitions of a file before they are used: names that nothing defines, also where no call or no branch leads,
 * and definitions that refer to themselves.
 */
import type { Definition, Expr, Name, ParameterType, Statement, StateStatement, Step } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { axisNamesOf } from "./axes.ts";
import { type Diagnostics, didYouMean, meantElsewhere } from "./context.ts";
import { initParam } from "./inits.ts";
import type { Spaces } from "./namespaces.ts";
import type { Scope } from "./scope.ts";
import { signature } from "./signatures.ts";
import { isTensorType, isTypeName, TENSOR_TYPES, TYPE_NAMES } from "./types.ts";
import { type CValue, isCallable } from "./values.ts";

/** Names that a body has without declaring them. */
const GIVEN: Readonly<Record<Definition["sort"], readonly string[]>> = {
  layer: ["in", "training"],
  fn: ["training"],
  loss: ["training"],
  metric: ["training"],
  schedule: ["training"],
  optimizer: ["training", "param", "grad"],
  init: ["training", "shape", "fan_in", "fan_out"],
};
/** What an initialiser after `~` knows beside the names around it. */
const AFTER_TILDE = ["shape", "fan_in", "fan_out"];

/** Reports what is wrong; false if definitions are cyclic, so that they must not be run. */
export function resolve(
  definitions: readonly Definition[],
  constants: readonly string[],
  spaces: Spaces,
  diagnostics: Diagnostics,
): boolean {
  const references = new Map<Definition, Map<Definition, Span>>();
  for (const definition of definitions) {
    references.set(definition, new Resolver(definition, constants, spaces, diagnostics).run());
  }
  return !reportCycle(references, diagnostics);
}

/** Depth-first search; reports the first cycle with its path. */
function reportCycle(references: ReadonlyMap<Definition, Map<Definition, Span>>, diagnostics: Diagnostics): boolean {
  const done = new Set<Definition>();
  const path: Definition[] = [];
  const visit = (definition: Definition): boolean => {
    if (done.has(definition)) return false;
    path.push(definition);
    for (const [target, span] of references.get(definition) ?? []) {
      const from = path.indexOf(target);
      if (from !== -1) {
        const cycle = [...path.slice(from), target].map((d) => `\`${d.name.text}\``).join(" → ");
        const notes = path
          .slice(from)
          .map((d) => ({ message: `\`${d.name.text}\` is defined here`, span: d.name.span }));
        diagnostics.add(errors.cyclicDefinition({ cycle }, span, { notes }));
        return true;
      }
      if (visit(target)) return true;
    }
    path.pop();
    done.add(definition);
    return false;
  };
  return [...references.keys()].some(visit);
}

class Resolver {
  private readonly references = new Map<Definition, Span>();
  private readonly prefer: Scope | null;
  private readonly globals: Scope;
  private readonly scopes: Set<string>[];

  constructor(
    private readonly definition: Definition,
    constants: readonly string[],
    private readonly spaces: Spaces,
    private readonly diagnostics: Diagnostics,
  ) {
    const { sort } = definition;
    this.prefer = spaces.preferred(sort);
    this.globals = sort === "schedule" || sort === "optimizer" ? spaces.host : spaces.values;
    this.scopes = [new Set([...constants, ...GIVEN[sort]])];
  }

  /** The definitions of the file that this one refers to, with the first place. */
  run(): Map<Definition, Span> {
    for (const { name, types, default: value } of this.definition.params) {
      const words = types.map((t) => t.text);
      this.types(types);
      if (name.text === "in" && (this.definition.sort !== "layer" || value !== null)) {
        this.diagnostics.add(errors.reservedName({ name: "in", kind: "such a parameter" }, name.span));
      } else if (name.text === "in" && !types.every(({ text }) => isTensorType(text))) {
        const found = types.map(({ text }) => `\`${text}\``).join(" | ");
        const params = { what: "the type of what a layer works on", expected: TENSOR_TYPES.join(" or "), found };
        this.diagnostics.add(errors.wrongValue(params, name.span));
      }
      if (value && !(value.kind === "name" && words.includes(value.name))) this.expr(value, this.preferred(words));
      this.scopes[0].add(name.text);
    }
    for (const { types } of this.definition.params) for (const type of types) this.axes(type);
    this.inner(() => this.statements(this.definition.body));
    return this.references;
  }

  /** A single name that is no type, or one that is nearly a type, is a slip: words come in twos. */
  private types(types: readonly ParameterType[]): void {
    for (const { text, span } of types) {
      const guess = didYouMean(text, TYPE_NAMES);
      if (isTypeName(text) || (types.length > 1 && guess.help === undefined)) continue;
      this.diagnostics.add(errors.unknownParameterType({ name: text, known: TYPE_NAMES.join(", ") }, span, guess));
    }
  }

  /** Axes have names, which the body knows, or sizes. */
  private axes({ text, axes, span }: ParameterType): void {
    if (axes === null) return;
    const wrong = (what: string, expected: string, found: string): void =>
      this.diagnostics.add(errors.wrongValue({ what, expected, found }, span));
    if (isTypeName(text) && !isTensorType(text)) wrong("a type with axes", TENSOR_TYPES.join(" or "), `\`${text}\``);
    const rests = axes.filter(({ kind }) => kind === "rest").length;
    if (rests > 1) wrong("the number of `...` in a shape", "at most 1", String(rests));
    for (const name of axisNamesOf(axes)) this.scopes[0].add(name);
    for (const axis of axes) if (axis.kind !== "rest" && axis.kind !== "name") this.expr(axis, this.prefer);
  }

  /** Where a parameter takes an initialiser, the names of such have a meaning. */
  private preferred(types: readonly string[], otherwise = this.prefer): Scope | null {
    return types.includes("init") ? this.spaces.preferred("init") : otherwise;
  }

  private inner(run: () => void): void {
    this.scopes.push(new Set());
    run();
    this.scopes.pop();
  }

  private declare(name: Name): void {
    this.scopes[this.scopes.length - 1].add(name.text);
  }

  private statements(statements: readonly Statement[]): void {
    for (const statement of statements) this.statement(statement);
  }

  private statement(s: Statement): void {
    switch (s.kind) {
      case "step":
        return this.steps(s.steps, this.prefer);
      case "output":
        this.steps(s.steps, this.prefer);
        return this.declare(s.name);
      case "if":
        this.expr(s.condition, this.prefer);
        this.statements(s.then);
        return this.statements(s.else);
      case "assert":
        return this.expr(s.condition, this.prefer);
      case "param":
      case "buffer":
        this.declaration(s);
        return this.declare(s.name);
      case "state":
        return this.state(s);
      default:
        this.expr(s.value, this.prefer);
        return this.declare(s.name);
    }
  }

  private state({ name, shape, init, value }: StateStatement): void {
    for (const size of shape ?? []) this.expr(size, this.prefer);
    if (init) this.initialiser(init);
    this.declare(name);
    if (value) this.expr(value, this.prefer);
  }

  private declaration(s: Extract<Statement, { kind: "param" | "buffer" }>): void {
    for (const size of s.shape) this.expr(size, this.prefer);
    for (const expr of [s.condition, s.otherwise]) if (expr) this.expr(expr, this.prefer);
    if (s.kind === "buffer") return this.expr(s.value, this.prefer);
    this.initialiser(s.init);
  }

  private initialiser(expr: Expr): void {
    this.scopes.push(new Set(AFTER_TILDE));
    this.expr(expr, this.spaces.preferred("init"));
    this.scopes.pop();
  }

  private steps(steps: readonly Step[], prefer: Scope | null): void {
    for (const { label, expr } of steps) {
      this.expr(expr, prefer);
      if (label) this.declare(label);
    }
  }

  private expr(expr: Expr, prefer: Scope | null): void {
    switch (expr.kind) {
      case "name":
        this.name(expr.name, expr.span, prefer, false);
        return;
      case "list":
        for (const item of expr.items) this.expr(item, prefer);
        return;
      case "unary":
        return this.expr(expr.operand, prefer);
      case "binary":
        this.expr(expr.left, prefer);
        return this.expr(expr.right, prefer);
      case "choice":
        for (const part of [expr.condition, expr.then, expr.else]) this.expr(part, prefer);
        return;
      case "call":
        return this.call(expr, prefer);
      case "index":
        this.expr(expr.target, prefer);
        return this.expr(expr.index, prefer);
      case "member":
        return this.expr(expr.target, prefer);
      case "pipe":
        return this.steps(expr.steps, prefer);
      case "repeat":
        this.expr(expr.count, prefer);
        return this.block(expr.body, expr.variable);
      case "block":
        return this.block(expr.body, null);
    }
  }

  private block(body: readonly Statement[], variable: Name | null): void {
    this.inner(() => {
      this.scopes[this.scopes.length - 1].add("in");
      if (variable) this.declare(variable);
      this.inner(() => this.statements(body));
    });
  }

  private call({ callee, args }: Extract<Expr, { kind: "call" }>, prefer: Scope | null): void {
    const target = callee.kind === "name" ? this.name(callee.name, callee.span, prefer, true) : undefined;
    if (callee.kind !== "name") this.expr(callee, prefer);
    const known = target !== undefined && isCallable(target) ? target : null;
    const params = known ? signature(known).params : [];
    const words = params.flatMap((p) => p.words);
    for (const { name, value } of args) {
      if (value.kind === "name" && words.includes(value.name)) continue;
      const wanted = name && (params.find((p) => p.name === name.text) ?? (known && initParam(known, name.text)));
      const types = name ? (wanted?.types ?? []) : params.flatMap((p) => p.types);
      this.expr(value, this.preferred(types, prefer));
    }
  }

  /** Reports a name that nothing defines; notes one that is a definition of the file. */
  private name(name: string, span: Span, prefer: Scope | null, toCall: boolean): CValue | undefined {
    // What a local name is, is not known here; in a call it may hide a definition, or not be callable at all.
    const isLocal = this.scopes.some((scope) => scope.has(name));
    if (isLocal && !toCall) return undefined;
    const find = (scope: Scope): CValue | undefined => (toCall ? scope.callable(name) : scope.get(name));
    const value = (prefer ? find(prefer) : undefined) ?? find(this.globals);
    if (value === undefined) {
      if (!isLocal && this.globals.get(name) === undefined) this.unknown(name, span, prefer, toCall);
      return undefined;
    }
    if (!isLocal && isCallable(value) && value.target.kind === "definition") {
      const { definition } = value.target;
      const own = definition.span.file === this.definition.span.file && !this.references.has(definition);
      if (own) this.references.set(definition, span);
    }
    return value;
  }

  private unknown(name: string, span: Span, prefer: Scope | null, toCall: boolean): void {
    const [elsewhere] = this.spaces.sortsOf(name);
    const locals = toCall ? [] : this.scopes.flatMap((scope) => [...scope]);
    const known = [...locals, ...this.globals.all(toCall), ...(prefer?.all(toCall) ?? [])];
    const kind = toCall ? "layer or function" : "name";
    const isLaterState = this.definition.body.some((s) => s.kind === "state" && s.name.text === name);
    const help = elsewhere
      ? { help: meantElsewhere(name, elsewhere) }
      : isLaterState
        ? { help: `declare it before, \`state ${name}\`, and give it its new value with \`${name} = …\`` }
        : didYouMean(name, known);
    this.diagnostics.add(errors.unknownName({ kind, name }, span, help));
  }
}
