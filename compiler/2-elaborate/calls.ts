/** Calls: binds arguments to parameters, and applies layers, functions and blocks. */
import type { Argument, CallExpr, Expr, Name } from "../1-parse/syntax.ts";
import type { Diagnostic, Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { argumentHelp } from "./argument-help.ts";
import { didYouMean, type Env, lookup } from "./context.ts";
import { evaluate, evaluateFunction, unknownName } from "./evaluate.ts";
import { Failure, guarded } from "./failure.ts";
import { initEnv, initParam } from "./inits.ts";
import { invoke } from "./invoke.ts";
import { type Param, signature, signatureNote } from "./signatures.ts";
import { expectedTypes, fits, isTensorType } from "./types.ts";
import { type Callable, type CValue, isCallable, isPoison, isTensor, nameOf, POISON, show } from "./values.ts";

type Given = ReadonlyMap<string, CValue>;

export interface Binding {
  readonly given: Given;
  /** The tensor that a layer works on, where it is known already. */
  readonly input: CValue | null;
}

/**
 * `callee(args)`; `input` is the value that is piped in. What still lacks its input is a layer value; where a function is
 * wanted (`partial`), it may lack other arguments too.
 */
export function call(expr: CallExpr, env: Env, input: CValue | null, label: Name | null, partial = false): CValue {
  const callee = calleeOf(expr.callee, env);
  if (callee === null) {
    // The callee is at fault and reported; its arguments may be too.
    for (const arg of expr.args) evaluate(arg.value, env);
    return POISON;
  }
  const binding = bind(callee, expr.args, env, input, expr.span);
  if ([...binding.given.values(), binding.input].some((v) => v !== null && isPoison(v))) return POISON;
  return complete(callee, binding, env, label, expr.span, partial);
}

/** Applies a layer, a function or a block to a value. */
export function apply(callee: Callable, input: CValue, env: Env, label: Name | null, span: Span): CValue {
  if (isPoison(input)) return POISON;
  return complete(callee, bind(callee, [], env, input, span), env, label, span);
}

export function calleeOf(expr: Expr, env: Env): Callable | null {
  if (expr.kind !== "name") {
    const value = evaluate(expr, env);
    if (isPoison(value)) return null;
    if (!isCallable(value)) throw env.ctx.failure(errors.notCallable({ found: show(value) }, expr.span));
    return value;
  }
  const value = lookup(env, expr.name, true);
  if (value === undefined) {
    const other = lookup(env, expr.name, false);
    if (other !== undefined) throw env.ctx.failure(errors.notCallable({ found: show(other) }, expr.span));
    return unknownName(expr.name, expr.span, env, "layer or function");
  }
  return isCallable(value) ? value : null;
}

/** Runs the callee if it has all it needs; else it waits for its input, and if `partial` for other arguments. */
export function complete(
  callee: Callable,
  binding: Binding,
  env: Env,
  label: Name | null,
  span: Span,
  partial = false,
): CValue {
  const { params, flow } = signature(callee);
  const { given, input } = binding;
  const missing = params.filter((p) => p.required && !given.has(p.name));
  const waits =
    flow === "implicit"
      ? input === null
      : flow === "first"
        ? missing[0]?.name === params[0].name
        : isInit(callee) && !env.initialises;
  const lacking = missing.find((p) => !(waits && flow === "first" && p.name === params[0].name));
  const mayLack = partial && flow !== "none" && input === null;
  if (lacking && !mayLack) {
    const notes = signatureNote(callee);
    throw env.ctx.failure(errors.missingArgument({ callee: nameOf(callee), name: lacking.name }, span, { notes }));
  }
  if (waits || lacking) return { ...callee, given };
  const set = withOverrides(callee, given, env, label, span);
  if ([...set.values()].some(isPoison)) return POISON;
  return invoke(callee, { given: set, input }, env, label, span);
}

/** The arguments, with those that the command line sets at this place of the net. */
function withOverrides(callee: Callable, given: Given, env: Env, label: Name | null, span: Span): Given {
  const { ctx, path } = env;
  const isNet = path !== null && !path.onlyBuffers;
  if (!isNet || (label === null && !ctx.isUser(span.file))) return given;
  const place = callee.sharing?.prefix ?? (label ? path.labelled(label.text) : path.unlabelled(nameOf(callee))).prefix;
  const { user } = ctx.names;
  const main: Env = { ctx, scope: user.values, spaces: user, prefer: null, path: null };
  const found = ctx.overrides.at(place.slice(0, -1), callee);
  return found.reduce(
    (all, { argument, within }) => replaced({ ...callee, given: all }, argument, within, main),
    given,
  );
}

/** The callee's arguments with another one, or with another one of the function that an argument is. */
function replaced(callee: Callable, argument: Argument, within: readonly string[], env: Env): Given {
  const [name, ...deeper] = within;
  const inner = name === undefined ? undefined : callee.given.get(name);
  if (inner === undefined || !isCallable(inner)) return new Binder(callee, env, argument.span).replace(argument);
  return new Map(callee.given).set(name, { ...inner, given: replaced(inner, argument, deeper, env) });
}

export function bind(callee: Callable, args: readonly Argument[], env: Env, piped: CValue | null, span: Span): Binding {
  return new Binder(callee, env, span).run(args, piped);
}

class Binder {
  private readonly given: Map<string, CValue>;
  private readonly overridden = new Set<string>();
  /** Errors in the arguments of the user's text: all are told. */
  private readonly failed: Diagnostic[] = [];
  private readonly report = { add: (d: Diagnostic) => this.failed.push(d) };
  private readonly params: readonly Param[];
  private readonly flow: "implicit" | "first" | "none";
  private input: CValue | null = null;

  constructor(
    private readonly callee: Callable,
    private readonly env: Env,
    private readonly span: Span,
  ) {
    const { params, flow } = signature(callee);
    this.params = params;
    this.flow = flow;
    this.given = new Map(callee.given);
  }

  run(args: readonly Argument[], piped: CValue | null): Binding {
    this.toldTogether(() => this.all(args, piped));
    return { given: this.given, input: this.input };
  }

  private toldTogether(set: () => void): void {
    guarded(this.report, set);
    if (this.failed.length > 0) throw new Failure(this.failed);
  }

  private all(args: readonly Argument[], piped: CValue | null): void {
    if (piped !== null) this.pipe(piped);
    for (const arg of args) {
      if (!arg.override) continue;
      this.named(arg);
      this.overridden.add(arg.name!.text);
    }
    for (const arg of args) if (!arg.override) arg.name === null ? this.positional(arg) : this.named(arg);
  }

  /** Sets an argument, whatever it was. */
  replace(arg: Argument): Given {
    this.given.delete(arg.name!.text);
    this.toldTogether(() => this.named(arg));
    return this.given;
  }

  private pipe(value: CValue): void {
    if (this.flow === "implicit") {
      if (isCallable(value)) {
        const help = `what begins a pipe is a tensor: \`in |> ${nameOf(value)} |> ${nameOf(this.callee)}\``;
        throw this.env.ctx.failure(errors.noInput({ found: show(value) }, this.span, { help }));
      }
      this.input = value;
      return;
    }
    const first = this.params.find((p) => !this.given.has(p.name));
    if (first) this.set(first, value, this.span);
    else throw this.env.ctx.failure(errors.noInput({ found: show(this.callee) }, this.span));
  }

  private named(arg: Argument): void {
    const name = arg.name!;
    const param = this.params.find((p) => p.name === name.text) ?? initParam(this.callee, name.text);
    if (!param) {
      const names = this.params.map((p) => p.name);
      const extra = { ...argumentHelp(name.text, names), notes: signatureNote(this.callee) };
      throw this.env.ctx.failure(
        errors.unknownArgument({ callee: nameOf(this.callee), name: name.text }, name.span, extra),
      );
    }
    if (this.overridden.has(param.name)) return;
    if (this.given.has(param.name)) {
      throw this.env.ctx.failure(errors.duplicateArgument({ callee: nameOf(this.callee), name: name.text }, arg.span));
    }
    this.set(param, this.value(arg.value, param), arg.value.span);
  }

  private positional(arg: Argument): void {
    const open = this.params.filter((p) => !p.onlyNamed && (!this.given.has(p.name) || this.overridden.has(p.name)));
    const [first, second] = open;
    if (this.flow === "implicit" && this.input === null) {
      // `relu(x)`: a tensor in the first place is what the layer works on.
      const value = first ? this.value(arg.value, first) : evaluate(arg.value, this.env);
      if (isTensor(value) && !first?.types.some(isTensorType)) this.input = value;
      else this.place(first, value, arg);
      return;
    }
    if (!first) return this.place(first, POISON, arg);
    // `softmax(1)`: the tensor that the function works on is still to come.
    const mayWait = this.flow === "first" && first === this.params[0] && isOnlyTensor(first) && second !== undefined;
    if (mayWait && wordOf(second, arg.value) !== null) return this.place(second, this.value(arg.value, second), arg);
    const value = this.value(arg.value, first);
    this.place(mayWait && !isTensor(value) && !isPoison(value) ? second : first, value, arg);
  }

  private place(param: Param | undefined, value: CValue, arg: Argument): void {
    if (!param) {
      const count = this.params.filter((p) => !p.onlyNamed).length;
      const most = count === 0 ? "no arguments" : `at most ${count} argument${count === 1 ? "" : "s"}`;
      const notes = signatureNote(this.callee);
      throw this.env.ctx.failure(errors.tooManyArguments({ callee: nameOf(this.callee), most }, arg.span, { notes }));
    }
    if (!this.overridden.has(param.name)) this.set(param, value, arg.value.span);
    else this.overridden.delete(param.name);
  }

  /** A bare word that the parameter knows is that word; anything else is an expression. */
  private value(expr: Expr, param: Param): CValue {
    const word = wordOf(param, expr);
    if (word !== null) return word;
    if (expr.kind === "name" && param.words.length > 0 && lookup(this.env, expr.name, false) === undefined) {
      const extra = { ...didYouMean(expr.name, param.words), notes: signatureNote(this.callee) };
      const expected = expectedTypes(param);
      const params = { callee: nameOf(this.callee), name: param.name, expected, found: `\`${expr.name}\`` };
      throw this.env.ctx.failure(errors.wrongArgument(params, expr.span, extra));
    }
    const env = param.types.includes("init") ? initEnv(this.env) : this.env;
    const run = () => (takesFunction(param) ? evaluateFunction(expr, env) : evaluate(expr, env));
    if (!this.env.ctx.isUser(expr.span.file)) return run();
    return guarded(this.report, run) ?? POISON;
  }

  private set(param: Param, value: CValue, span: Span): void {
    if (!isPoison(value) && !fits(value, param)) {
      const params = {
        callee: nameOf(this.callee),
        name: param.name,
        expected: expectedTypes(param),
        found: show(value),
      };
      throw this.env.ctx.failure(errors.wrongArgument(params, span, { notes: signatureNote(this.callee) }));
    }
    if (typeof value === "number" && !Number.isFinite(value) && isForTraining(this.callee)) {
      const params = { callee: nameOf(this.callee), name: param.name, expected: "a finite number", found: show(value) };
      throw this.env.ctx.failure(errors.wrongArgument(params, span, { notes: signatureNote(this.callee) }));
    }
    this.given.set(param.name, value);
  }
}

/** What makes steps or rates of its numbers. */
const isForTraining = ({ target }: Callable): boolean =>
  target.kind === "definition" && ["optimizer", "schedule"].includes(target.definition.sort);

const takesFunction = ({ types, words }: Param): boolean =>
  types.includes("function") || (types.length === 0 && words.length === 0);
/** An initialiser waits for the parameter that it is for. */
const isInit = ({ target }: Callable): boolean => target.kind === "definition" && target.definition.sort === "init";
const wordOf = (param: Param, expr: Expr): string | null =>
  expr.kind === "name" && param.words.includes(expr.name) ? expr.name : null;
const isOnlyTensor = ({ types }: Param): boolean => types.length === 1 && isTensorType(types[0]);
