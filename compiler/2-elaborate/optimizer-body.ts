/** `state` and assignments in the body of an optimizer, for one parameter. */
import type { AssignStatement, BinaryOperator, Expr, StateStatement } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { type Init, sameShape, type TensorDecl, type Value } from "../ir/graph.ts";
import { elementwise } from "./arithmetic.ts";
import type { Env } from "./context.ts";
import { sizesOf } from "./declarations.ts";
import { evaluate, operation } from "./evaluate.ts";
import { initOf } from "./inits.ts";
import { type CValue, isPoison, isTensor, POISON, show, type Tensor, tensor } from "./values.ts";

export interface Update {
  readonly target: string;
  readonly value: Value;
}

interface State {
  readonly decl: TensorDecl;
  readonly old: Value;
  next: Value;
}

/** The values that make `root` up to the gradient: what lies behind that is the whole model. */
function valuesOf(root: Value): ReadonlySet<Value> {
  const found = new Set([root]);
  for (const value of found) {
    if (value.op !== "grad") for (const input of value.inputs) found.add(input);
  }
  return found;
}

export class OptimizerBody {
  private readonly states = new Map<string, State>();
  private value: Value;

  constructor(
    private readonly decl: TensorDecl,
    private readonly param: Value,
    start = param,
  ) {
    this.value = start;
  }

  run(statement: StateStatement | AssignStatement, env: Env): void {
    if (statement.kind === "state") this.state(statement, env);
    else this.assign(statement, env);
  }

  /** From here on the state's name is its value before this step, and after an assignment its new value. */
  private state({ name, shape, init, value, span }: StateStatement, env: Env): void {
    const { ctx, scope } = env;
    if (this.states.has(name.text) || name.text === "param" || name.text === "grad") {
      throw ctx.failure(errors.duplicateName({ kind: "state", name: name.text }, name.span));
    }
    const full = `${this.decl.name}.${name.text}`;
    const sizes = shape === null ? this.decl.shape : sizesOf(shape, `the state \`${full}\``, span, env);
    const start: Init | null = init === null ? { kind: "constant", value: 0 } : sizes && initOf(init, sizes, env);
    if (sizes === null || start === null) return scope.set(name.text, POISON);
    const old = ctx.b.op("state", [], { name: full, shape: sizes });
    this.states.set(name.text, {
      decl: { name: full, kind: "state", shape: sizes, init: start, span },
      old,
      next: old,
    });
    scope.set(name.text, tensor(old));
    if (value !== null) this.set(name.text, null, value, span, env);
  }

  private assign({ name, op, value, span }: AssignStatement, env: Env): void {
    const current = env.scope.get(name.text);
    if (current !== undefined && isPoison(current)) return;
    if (name.text !== "param" && !this.states.has(name.text)) {
      const params = {
        what: "what an optimizer assigns to",
        expected: "`param` or a state",
        found: `\`${name.text}\``,
      };
      const help = "what lives from step to step is a `state`; other names are made with `let`";
      throw env.ctx.failure(errors.wrongValue(params, name.span, { help }));
    }
    this.set(name.text, op, value, span, env);
  }

  /** `name op= expr`, in the shape that the name has. */
  private set(name: string, op: AssignStatement["op"], expr: Expr, span: Span, env: Env): void {
    const { b } = env.ctx;
    const state = this.states.get(name);
    const [current, shape] = state ? [state.next, state.decl.shape] : [this.value, this.decl.shape];
    const change = evaluate(expr, env);
    const isNumeric = typeof change === "number" || isTensor(change);
    const next =
      op === null || !isNumeric
        ? change
        : operation(span, env, () => elementwise(b, op as BinaryOperator, tensor(current), change as number | Tensor));
    const whole = shaped(next, shape, state !== undefined, span, env);
    env.scope.set(name, whole === null ? POISON : tensor(whole));
    if (whole === null) return;
    if (state) state.next = whole;
    else this.value = whole;
  }

  /** States that nothing of the new parameter depends on, now or later, do not exist: constant arguments leave such behind. */
  result(): { updates: Update[]; states: TensorDecl[] } {
    const needed = new Set<State>();
    const visit = (root: Value): void => {
      const values = valuesOf(root);
      for (const state of this.states.values()) {
        if (!values.has(state.old) || needed.has(state)) continue;
        needed.add(state);
        visit(state.next);
      }
    };
    visit(this.value);
    const live = [...this.states.values()].filter((state) => needed.has(state));
    const changed = live.filter(({ old, next }) => next !== old);
    return {
      updates: [
        ...(this.value === this.param ? [] : [{ target: this.decl.name, value: this.value }]),
        ...changed.map(({ decl, next }) => ({ target: decl.name, value: next })),
      ],
      states: live.map(({ decl }) => decl),
    };
  }
}

/** A number everywhere, or a tensor of that shape; null for poison. */
function shaped(value: CValue, shape: readonly number[], isState: boolean, span: Span, env: Env): Value | null {
  const { b } = env.ctx;
  if (isPoison(value)) return null;
  if (typeof value === "number") return b.broadcast(b.const(value), shape, []);
  if (isTensor(value)) {
    const whole = value.value.type.shape.length === 0 ? b.broadcast(value.value, shape, []) : value.value;
    if (sameShape(whole.type.shape, shape)) return whole;
  }
  const expected = `a value of the ${isState ? "state" : "parameter"}'s shape [${shape.join(", ")}]`;
  throw env.ctx.failure(errors.wrongValue({ what: "this", expected, found: show(value) }, span));
}
