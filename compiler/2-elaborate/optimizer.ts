/** Elaborates the optimizer: its body once for every parameter, on that parameter's gradient. */
import type { AssignStatement, BinaryOperator, Statement, UseClause } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { sameShape, type TensorDecl, type Value } from "../ir/graph.ts";
import { elementwise, toValue } from "./arithmetic.ts";
import { bodyOf, runStatements } from "./body.ts";
import { bind, calleeOf } from "./calls.ts";
import type { Context, Env } from "./context.ts";
import { evaluate, operation } from "./evaluate.ts";
import { bindParameters } from "./invoke.ts";
import { Scope } from "./scope.ts";
import {
  type CValue,
  type DefinitionTarget,
  isPoison,
  isTensor,
  nameOf,
  POISON,
  show,
  type Tensor,
  tensor,
} from "./values.ts";

export interface Update {
  readonly target: string;
  readonly value: Value;
}

export interface OptimizerResult {
  readonly updates: readonly Update[];
  readonly states: readonly TensorDecl[];
  /** The optimizer's `lr`, if it has one. */
  readonly lr: Value | null;
}

export function elaborateOptimizer(clause: UseClause, loss: Value, ctx: Context): OptimizerResult {
  const { names } = ctx;
  const env: Env = {
    ctx,
    scope: names.user.host,
    spaces: names.user,
    prefer: names.user.preferred("optimizer"),
    path: null,
  };
  const bound = boundOptimizer(clause, env);
  if (bound === null) return { updates: [], states: [], lr: null };
  const { target, scope } = bound;
  const params = ctx.tensors.all.filter((decl) => decl.kind === "param");
  const results = params.map((decl) => stepOf(decl, target, scope, loss, env, clause.expr.span));
  const lr = scope.own("lr");
  return {
    updates: results.flatMap((r) => r.updates),
    states: results.flatMap((r) => r.states),
    lr: typeof lr === "number" || (lr !== undefined && isTensor(lr)) ? toValue(ctx.b, lr) : null,
  };
}

/** The optimizer that the clause calls, with its arguments. */
function boundOptimizer({ expr }: UseClause, env: Env): { target: DefinitionTarget; scope: Scope } | null {
  const { ctx } = env;
  const space = env.spaces.of("optimizer");
  const name = expr.kind === "call" ? expr.callee : expr;
  const callee = calleeOf(name, { ...env, prefer: space });
  if (callee === null) return null;
  const { target } = callee;
  if (target.kind !== "definition" || target.definition.sort !== "optimizer") {
    throw ctx.failure(errors.notADefinition({ sort: "optimizer", found: show(callee) }, name.span));
  }
  const { given } = bind(callee, expr.kind === "call" ? expr.args : [], env, null, expr.span);
  const missing = target.definition.params.find((p) => p.default === null && !given.has(p.name.text));
  if (missing)
    throw ctx.failure(errors.missingArgument({ callee: nameOf(callee), name: missing.name.text }, expr.span));
  if ([...given.values()].some(isPoison)) return null;
  return { target, scope: bindParameters(target, given, env) };
}

function stepOf(
  decl: TensorDecl,
  { definition }: DefinitionTarget,
  args: Scope,
  loss: Value,
  outer: Env,
  span: Span,
): { updates: Update[]; states: TensorDecl[] } {
  const { ctx } = outer;
  const { b } = ctx;
  b.span = decl.span;
  const param = b.op("param", [], { name: decl.name, shape: decl.shape });
  const body = new OptimizerBody(decl, param);
  const scope = new Scope(args);
  scope.set("param", tensor(param));
  scope.set("grad", tensor(b.op("grad", [loss, param])));
  const env: Env = { ...outer, scope };
  const place = `the optimizer \`${definition.name.text}\``;
  ctx.call(definition.name.text, span, () =>
    runStatements(definition.body, env, bodyOf("optimizer", place, null, body)),
  );
  b.span = null;
  return body.result();
}

/** The values that make `root` up to the gradient: what lies behind that is the whole model. */
function valuesOf(root: Value): ReadonlySet<Value> {
  const found = new Set([root]);
  for (const value of found) {
    if (value.op !== "grad") for (const input of value.inputs) found.add(input);
  }
  return found;
}

/** `state` and assignments to `param`, for one parameter. */
export class OptimizerBody {
  private readonly states = new Map<string, { readonly old: Value; readonly next: Value; readonly span: Span }>();
  private value: Value;

  constructor(
    private readonly decl: TensorDecl,
    private readonly param: Value,
  ) {
    this.value = param;
  }

  run(statement: Extract<Statement, { kind: "state" | "assign" }>, env: Env): void {
    if (statement.kind === "state") this.state(statement, env);
    else this.assign(statement, env);
  }

  /** On the right side the state's name is its value before this step; 0 in the first one. */
  private state({ name, value, span }: Extract<Statement, { kind: "state" }>, env: Env): void {
    const { ctx, scope } = env;
    if (this.states.has(name.text)) {
      throw ctx.failure(errors.duplicateName({ kind: "state", name: name.text }, name.span));
    }
    const old = ctx.b.op("state", [], { name: `${this.decl.name}.${name.text}`, shape: this.decl.shape });
    scope.set(name.text, tensor(old));
    const next = this.shaped(evaluate(value, env), span, env);
    scope.set(name.text, next === null ? POISON : tensor(next));
    if (next !== null) this.states.set(name.text, { old, next, span });
  }

  private assign({ name, op, value, span }: AssignStatement, env: Env): void {
    if (name.text !== "param") {
      throw env.ctx.failure(
        errors.wrongValue(
          { what: "what an optimizer assigns to", expected: "`param`", found: `\`${name.text}\`` },
          name.span,
          {
            help: "what lives from step to step is a `state`; other names are made with `let`",
          },
        ),
      );
    }
    const change = evaluate(value, env);
    if (isPoison(change)) return;
    if (typeof change !== "number" && !isTensor(change)) this.shaped(change, span, env);
    const next = operation(span, env, () =>
      op === null
        ? change
        : elementwise(env.ctx.b, op as BinaryOperator, tensor(this.value), change as number | Tensor),
    );
    const whole = this.shaped(next, span, env);
    if (whole === null) return;
    this.value = whole;
    env.scope.set("param", tensor(whole));
  }

  /** The value in the parameter's shape. */
  private shaped(value: CValue, span: Span, env: Env): Value | null {
    const { b } = env.ctx;
    const { shape } = this.decl;
    if (isPoison(value)) return null;
    if (typeof value === "number") return b.broadcast(b.const(value), shape, []);
    if (isTensor(value)) {
      const whole = value.value.type.shape.length === 0 ? b.broadcast(value.value, shape, []) : value.value;
      if (sameShape(whole.type.shape, shape)) return whole;
    }
    const what = "a value of the parameter's shape";
    throw env.ctx.failure(errors.wrongValue({ what: "this", expected: what, found: show(value) }, span));
  }

  /** States that nothing of the new parameter depends on, now or later, do not exist: constant arguments leave such behind. */
  result(): { updates: Update[]; states: TensorDecl[] } {
    const needed = new Set<string>();
    const visit = (root: Value): void => {
      for (const value of valuesOf(root)) {
        for (const [name, state] of this.states) {
          if (value !== state.old || needed.has(name)) continue;
          needed.add(name);
          visit(state.next);
        }
      }
    };
    visit(this.value);
    const live = [...this.states].filter(([name]) => needed.has(name));
    const full = (name: string): string => `${this.decl.name}.${name}`;
    const { shape } = this.decl;
    return {
      updates: [
        ...(this.value === this.param ? [] : [{ target: this.decl.name, value: this.value }]),
        ...live.map(([name, { next }]) => ({ target: full(name), value: next })),
      ],
      states: live.map(([name, { span }]) => ({
        name: full(name),
        kind: "state",
        shape,
        init: { kind: "constant", value: 0 },
        span,
      })),
    };
  }
}
