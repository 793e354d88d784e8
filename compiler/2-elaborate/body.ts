/** Runs the statements of a body: of a net, layer, block, function, optimizer. An error in one does not hide those of the next. */
import type { AssertStatement, Name, Statement, Step } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { apply } from "./calls.ts";
import type { Env, TrailStep } from "./context.ts";
import { declareBuffer, declareParam, runUpdate } from "./declarations.ts";
import { evaluate, evaluateFunction, nameStep, pipeStep, trailStep } from "./evaluate.ts";
import { Failure } from "./failure.ts";
import type { OptimizerBody } from "./optimizer-body.ts";
import { Sharing } from "./sharing.ts";
import { type CValue, isCallable, isOfSamples, isOfTheRun, isPoison, isTensor, POISON, show } from "./values.ts";

export type BodyKind = "layer" | "function" | "optimizer";

/** How far a body has come. */
export interface Body {
  readonly kind: BodyKind;
  /** For messages: `the layer \`residual\``. */
  readonly place: string;
  /** The value of the step before; null at the beginning of a function. */
  current: CValue | null;
  /** The steps so far. */
  readonly trail: TrailStep[];
  readonly optimizer: OptimizerBody | null;
  /** Of the net: what its `output` statements name. */
  readonly outputs: Map<string, Output> | null;
  /** Whether the last statement was a step. */
  endsInStep: boolean;
}

export interface Output {
  readonly value: CValue;
  readonly span: Span;
}

export function bodyOf(
  kind: BodyKind,
  place: string,
  input: CValue | null,
  optimizer: OptimizerBody | null = null,
): Body {
  return { kind, place, current: input, trail: [], optimizer, outputs: null, endsInStep: false };
}

export function netBody(input: CValue | null): Body {
  return { ...bodyOf("layer", "the net", input), outputs: new Map() };
}

/** The value of the last step. */
export function runBody(statements: readonly Statement[], env: Env, body: Body, span: Span): CValue {
  env.ctx.within(body.trail, span, () => runStatements(statements, env, body));
  if (body.current === null && body.kind === "function") {
    throw env.ctx.failure(errors.emptyBody({ what: body.place }, span));
  }
  return body.current ?? POISON;
}

export function runStatements(statements: readonly Statement[], env: Env, body: Body): void {
  for (const statement of statements) {
    try {
      run(statement, env, body);
    } catch (e) {
      if (!(e instanceof Failure)) throw e;
      // One error in a library body leads to others that say nothing: the whole call fails.
      if (e.fatal || !env.ctx.isUser(statement.span.file)) throw e;
      for (const diagnostic of e.diagnostics) env.ctx.diagnostics.add(diagnostic);
      recover(statement, env, body);
    }
  }
}

/** What the failed statement would have defined is poison from here on. */
function recover(statement: Statement, env: Env, body: Body): void {
  if (statement.kind === "if") {
    for (const inner of [...statement.then, ...statement.else]) recover(inner, env, body);
    return;
  }
  for (const { text } of namesOf(statement)) env.scope.set(text, POISON);
  if (statement.kind === "step") {
    body.current = POISON;
    body.endsInStep = true;
  }
  if (statement.kind === "output") body.outputs?.set(statement.name.text, { value: POISON, span: statement.span });
}

/** What a statement gives values to. */
function namesOf(statement: Statement): readonly Name[] {
  if (statement.kind === "assert") return [];
  if (statement.kind === "if") return [...statement.then, ...statement.else].flatMap(namesOf);
  if (statement.kind === "step") return statement.steps.flatMap(({ label }) => label ?? []);
  return [statement.name];
}

/** How predictions and evaluations call the number of samples. */
export const SAMPLES = "n";

function run(statement: Statement, env: Env, body: Body): void {
  const { scope } = env;
  switch (statement.kind) {
    case "let":
      return letName(statement, env, body);
    case "share":
      return share(statement, env);
    case "output":
      return output(statement, env, body);
    case "param":
      return scope.set(statement.name.text, declareParam(statement, env));
    case "buffer":
      return scope.set(statement.name.text, declareBuffer(statement, env));
    case "update":
      return runUpdate(statement, env);
    case "assert":
      return assert(statement, env);
    case "if":
      return branch(statement, env, body);
    case "state":
    case "assign":
      if (body.optimizer) return body.optimizer.run(statement, env);
      return misplaced(statement.kind === "state" ? "state" : `${statement.op ?? ""}=`, statement.span, env, body);
    case "step":
      return steps(statement, env, body);
    default:
      return statement satisfies never;
  }
}

function letName({ name, value, span }: Extract<Statement, { kind: "let" }>, env: Env, body: Body): void {
  const made = evaluateFunction(value, env);
  define(name, made, env);
  body.trail.push({ label: name.text, isName: true, value: made, span });
}

function define(name: Name, value: CValue, env: Env): void {
  if (env.scope.own(name.text) !== undefined) {
    throw env.ctx.failure(errors.duplicateName({ kind: "name", name: name.text }, name.span));
  }
  env.scope.set(name.text, value);
}

/** Names a layer whose applications have the same parameters, called after it. */
function share({ name, value }: Extract<Statement, { kind: "share" }>, env: Env): void {
  const layer = evaluateFunction(value, env);
  if (isPoison(layer)) return define(name, layer, env);
  if (!isCallable(layer)) {
    const params = { what: "what is shared", expected: "a layer", found: show(layer) };
    throw env.ctx.failure(errors.wrongValue(params, value.span));
  }
  if (env.path?.isTaken(name.text)) {
    throw env.ctx.failure(errors.duplicateName({ kind: "name", name: name.text }, name.span));
  }
  env.path?.claim(name.text);
  const sharing = new Sharing(name.text, env.path?.labelled(name.text) ?? null);
  define(name, { ...layer, sharing }, env);
}

/** Names an output of the net; a single layer without a label has its parameters called so. */
function output({ name, steps, span }: Extract<Statement, { kind: "output" }>, env: Env, body: Body): void {
  if (body.outputs === null) misplaced("output", span, env, body);
  if (name.text === SAMPLES)
    throw env.ctx.failure(errors.reservedName({ name: name.text, kind: "an output" }, name.span));
  const [only] = steps;
  const isPlain = steps.length === 1 && only.label === null;
  const value = stepsValue(isPlain ? [{ ...only, label: name }] : steps, env, body);
  if (!isPlain) nameStep(name, value, env);
  body.outputs.set(name.text, { value, span: name.span });
  body.endsInStep = false;
}

function misplaced(statement: string, span: Span, env: Env, body: Body): never {
  const help = statement === "=" ? "name a step with `name: step`, a value with `let name = value`" : undefined;
  throw env.ctx.failure(errors.misplacedStatement({ statement, place: body.place }, span, { help }));
}

function branch(statement: Extract<Statement, { kind: "if" }>, env: Env, body: Body): void {
  const condition = evaluate(statement.condition, env);
  if (isPoison(condition)) return recover(statement, env, body);
  if (typeof condition !== "boolean") {
    throw env.ctx.failure(errors.notCompileTime({ what: "the condition of a statement" }, statement.condition.span));
  }
  const [taken, other] = condition ? [statement.then, statement.else] : [statement.else, statement.then];
  for (const { text, span } of other.flatMap(namesOf)) env.scope.miss(text, span);
  runStatements(taken, env, body);
}

/** `{name}` in an assertion's text is the value of the name, `{in.channels}` that of the member. */
export function assert(statement: AssertStatement, env: Env): void {
  const condition = evaluate(statement.condition, env);
  if (condition === true || isPoison(condition)) return;
  const { ctx } = env;
  const ofTheRun = isTensor(condition) && isOfTheRun(condition.value);
  if (condition !== false && !ofTheRun) {
    throw ctx.failure(errors.notCompileTime({ what: "an assertion" }, statement.condition.span));
  }
  const { file, start, end } = statement.condition.span;
  const text = statement.message ?? `this must hold: ${file.text.slice(start, end)}`;
  const message = interpolate(text, statement.span, env);
  const help = statement.cure === null ? undefined : interpolate(statement.cure, statement.span, env);
  if (!ofTheRun) throw ctx.failure(errors.assertion({ message }, statement.span, { help }), "call");
  // What changes during the run, such as `step`, is not checked: only the size of batches.
  if (!isOfSamples(condition.value)) return;
  ctx.requirements.push({ condition: condition.value, message, cure: help, span: ctx.userSpan(statement.span) });
}

function interpolate(text: string, span: Span, env: Env): string {
  return text.replace(/\{(\w+)(?:\.(\w+))?\}/g, (whole, name: string, member?: string) => {
    if (env.scope.get(name) === undefined) return whole;
    const target = { kind: "name", name, span } as const;
    const value = evaluate(member ? { kind: "member", target, member: { text: member, span }, span } : target, env);
    return typeof value === "string" ? value : show(value);
  });
}

function steps(statement: Extract<Statement, { kind: "step" }>, env: Env, body: Body): void {
  if (body.kind === "optimizer") misplaced("a value", statement.span, env, body);
  // A step that failed has left no trail, and its error is known.
  const before = body.trail.findLast(({ isName }) => !isName);
  if (body.kind === "function" && body.current !== null && before) {
    throw env.ctx.failure(errors.unusedValue({}, before.span));
  }
  body.current = stepsValue(statement.steps, env, body);
  body.endsInStep = true;
}

function stepsValue([first, ...rest]: readonly Step[], env: Env, body: Body): CValue {
  let value = firstStep(first, env, body);
  body.trail.push(trailStep(first, value));
  for (const step of rest) {
    value = pipeStep(step, value, env);
    body.trail.push(trailStep(step, value));
  }
  return value;
}

/** A layer works on the value of the step before; anything else is the step's value itself. */
function firstStep(step: Step, env: Env, body: Body): CValue {
  const { label, expr } = step;
  let value = evaluate(expr, env, label);
  if (body.kind === "layer") {
    if (isCallable(value)) {
      if (body.current === null) throw env.ctx.failure(errors.noInput({ found: show(value) }, expr.span));
      value = apply(value, body.current, env, label, expr.span);
    }
    if (!isTensor(value) && !isPoison(value))
      throw env.ctx.failure(errors.notALayer({ found: show(value) }, expr.span));
  }
  if (label) nameStep(label, value, env);
  return value;
}
