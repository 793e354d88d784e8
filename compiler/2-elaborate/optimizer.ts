/** Elaborates the optimizer: its body once for every parameter that is trained, on that parameter's gradient. */
import type { UseClause } from "../1-parse/syntax.ts";
import * as errors from "../errors.ts";
import type { TensorDecl, Value } from "../ir/graph.ts";
import { toValue } from "./arithmetic.ts";
import { averages } from "./averages.ts";
import { bodyOf, runStatements } from "./body.ts";
import type { Context, Env } from "./context.ts";
import { type Gradients, gradientsOf } from "./gradients.ts";
import { OptimizerBody, type Update } from "./optimizer-body.ts";
import { type BoundOptimizer, paramGroups } from "./param-groups.ts";
import { Scope } from "./scope.ts";
import type { UpdateSettings } from "./settings.ts";
import { isTensor, tensor } from "./values.ts";

export interface OptimizerResult {
  /** What each batch does, and what an update does where it takes several batches: else the same. */
  readonly batch: readonly Update[];
  readonly update: readonly Update[] | null;
  readonly states: readonly TensorDecl[];
  /** The optimizer's `lr`, if it has one. */
  readonly lr: Value | null;
}

/** `stored`: what the net makes of buffers and parameters in a batch. */
export function elaborateOptimizer(
  clause: UseClause,
  loss: Value | null,
  stored: readonly Update[],
  settings: UpdateSettings,
  ctx: Context,
): OptimizerResult {
  const { names, b } = ctx;
  const { user } = names;
  const env: Env = { ctx, scope: user.host, spaces: user, prefer: user.preferred("optimizer"), path: null };
  const params = ctx.tensors.all.filter((decl) => decl.kind === "param");
  const groups = paramGroups(clause, params, env);
  const reached = loss && reachedBy(loss);
  const trained = params.flatMap((decl) => {
    const optimizer = groups.of(decl);
    // A model without a loss, by mistake, still has its optimizer looked at.
    if (optimizer === null || optimizer === "frozen" || reached?.has(decl.name) === false) return [];
    return [{ decl, optimizer }];
  });
  const gradients = gradientsOf(
    trained.map(({ decl }) => decl),
    loss ?? b.const(0),
    settings,
    ctx,
  );
  // An update of several batches finds parameters as the last of them left them.
  const starts = new Map(settings.accumulate === 1 ? stored.map(({ target, value }) => [target, value]) : []);
  const steps = trained.map(({ decl, optimizer }) => stepOf(decl, optimizer, gradients, env, starts.get(decl.name)));
  const changed = steps.flatMap((step) => step.updates);
  if (changed.length === 0 && !ctx.diagnostics.failed) ctx.diagnostics.add(errors.nothingTrained({}, clause.span));
  const isParam = new Set(params.map(({ name }) => name));
  const buffers = stored.filter(({ target }) => !isParam.has(target));
  const averaged = averages(changed, buffers, settings, ctx);
  const lr = groups.rest?.args.own("lr");
  const update = [...changed, ...averaged.updates];
  const stepped = new Set(gradients.accumulated ? [] : changed.map(({ target }) => target));
  return {
    batch: [...(gradients.accumulated?.updates ?? update), ...stored.filter(({ target }) => !stepped.has(target))],
    update: gradients.accumulated && update,
    states: [...steps.flatMap((step) => step.states), ...(gradients.accumulated?.states ?? []), ...averaged.states],
    lr: typeof lr === "number" || (lr !== undefined && isTensor(lr)) ? toValue(b, lr) : null,
  };
}

/** The parameters that have a gradient: what the loss depends on otherwise than through `stop_gradient` or a decision. */
function reachedBy(loss: Value): ReadonlySet<string> {
  const reached = new Set<Value>([loss]);
  for (const { op, inputs } of reached) {
    if (op === "stop_gradient") continue;
    for (const input of inputs) if (input.type.dtype === "f32") reached.add(input);
  }
  return new Set([...reached].filter(({ op }) => op === "param").map(({ attrs }) => attrs.name as string));
}

/** `start`: the value that the net has given to the parameter, if it has. */
function stepOf(
  decl: TensorDecl,
  { target, args, span }: BoundOptimizer,
  gradients: Gradients,
  outer: Env,
  start: Value | undefined,
): ReturnType<OptimizerBody["result"]> {
  const { ctx } = outer;
  const { b } = ctx;
  const { definition } = target;
  b.span = decl.span;
  const param = b.op("param", [], { name: decl.name, shape: decl.shape });
  const body = new OptimizerBody(decl, param, start);
  const scope = new Scope(args);
  scope.set("param", tensor(start ?? param));
  scope.set("grad", tensor(gradients.of(decl)));
  const env: Env = { ...outer, scope };
  const place = `the optimizer \`${definition.name.text}\``;
  ctx.call({ kind: "callable", target, given: new Map() }, span, () =>
    runStatements(definition.body, env, bodyOf("optimizer", place, null, body)),
  );
  b.span = null;
  return body.result();
}
