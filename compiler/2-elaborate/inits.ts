/** How parameters start: what stands after `~`, or what the caller of the layer chose (`weight_init = orthogonal`). */
import type { Expr } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { type Init, sizeOf } from "../ir/graph.ts";
import { complete } from "./calls.ts";
import { didYouMean, type Env, withScope } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { Scope } from "./scope.ts";
import { type Param, signatureNote } from "./signatures.ts";
import { isInitialiser } from "./types.ts";
import { type Callable, type CValue, isDistribution, isPoison, nameOf, show } from "./values.ts";

const SUFFIX = "_init";

/** `weight_init = …`: every layer takes such arguments without saying so, one for each parameter of its body. */
export function initParam({ target }: Callable, name: string): Param | undefined {
  const isLayer = target.kind === "definition" && target.definition.sort === "layer";
  return isLayer && name.endsWith(SUFFIX) ? { name, types: ["init"], words: [], required: false } : undefined;
}

/** Where the names of initialisers have a meaning. */
export const initEnv = (env: Env): Env => ({ ...env, prefer: env.spaces.preferred("init") });

/** The initialisers among a layer's arguments, each for the parameter of that name that the layer's body declares. */
export class ChosenInits {
  private readonly declared: string[] = [];
  private readonly chosen = new Map<string, CValue>();

  constructor(
    private readonly layer: Callable,
    params: readonly string[],
    private readonly span: Span,
  ) {
    for (const [name, value] of layer.given) {
      if (name.endsWith(SUFFIX) && !params.includes(name)) this.chosen.set(name, value);
    }
  }

  /** For a parameter that is declared now; undefined if nothing was chosen, null if what was is at fault. */
  take(param: string, shape: readonly number[], env: Env): Init | null | undefined {
    this.declared.push(param);
    const value = this.chosen.get(param + SUFFIX);
    if (value === undefined) return undefined;
    const place: Expr = { kind: "name", name: param + SUFFIX, span: this.span };
    return initFrom(value, place, envFor(shape, env));
  }

  /** Refuses what was chosen for parameters that the layer turned out not to have. */
  finish(env: Env): void {
    const names = this.declared.map((param) => param + SUFFIX);
    for (const name of this.chosen.keys()) {
      if (names.includes(name)) continue;
      const extra = { ...didYouMean(name, names), notes: signatureNote(this.layer) };
      throw env.ctx.failure(errors.unknownArgument({ callee: nameOf(this.layer), name }, this.span, extra));
    }
  }
}

/** What stands after `~`; null if the error is known. */
export function initOf(expr: Expr, shape: readonly number[], env: Env): Init | null {
  const inner = envFor(shape, env);
  return initFrom(evaluate(expr, inner), expr, inner);
}

/** An initialiser knows the parameter's `shape`, and for two axes or more PyTorch's `fan_in` and `fan_out`. */
function envFor(shape: readonly number[], env: Env): Env {
  const scope = new Scope(env.scope);
  scope.set("shape", shape);
  if (shape.length >= 2) {
    const window = sizeOf(shape.slice(2), 1);
    scope.set("fan_in", shape[1] * window);
    scope.set("fan_out", shape[0] * window);
  }
  return { ...initEnv(withScope(env, scope)), path: null, initialises: true };
}

function initFrom(value: CValue, expr: Expr, env: Env): Init | null {
  if (isPoison(value)) return null;
  if (typeof value === "number") return { kind: "constant", value };
  if (isDistribution(value)) return value.init;
  // `~ ones` is `~ ones()`.
  if (isInitialiser(value)) {
    return initFrom(complete(value, { given: value.given, input: null }, env, null, expr.span), expr, env);
  }
  throw env.ctx.failure(
    errors.wrongValue({ what: "the start of a parameter", expected: "an initialiser", found: show(value) }, expr.span),
  );
}
