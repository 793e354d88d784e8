/** `train { ema = decay }`: an exponential moving average of the weights over the updates, beside the weights themselves. */
import type { TensorDecl, Value } from "../ir/graph.ts";
import type { Context } from "./context.ts";
import type { Update } from "./optimizer-body.ts";
import type { UpdateSettings } from "./settings.ts";

/**
 * As PyTorch's AveragedModel with get_ema_multi_avg_fn: average = decay · average + (1 − decay) · value after each update, and
 * the value itself after the first one. What is not trained is its own average; buffers have one with `ema_buffers`.
 */
export function averages(
  params: readonly Update[],
  buffers: readonly Update[],
  { ema, ema_buffers, accumulate }: UpdateSettings,
  { b, tensors }: Context,
): { readonly updates: readonly Update[]; readonly states: readonly TensorDecl[] } {
  if (ema === null) return { updates: [], states: [] };
  const decls = new Map(tensors.all.map((decl) => [decl.name, decl]));
  // An update of several batches finds the buffers as the last of them left them.
  const latest = ({ target, value }: Update): Update =>
    accumulate === 1 ? { target, value } : { target, value: leaf(b, decls.get(target)!) };
  const averaged = [
    ...params.filter(({ target }) => decls.has(target)),
    ...(ema_buffers ? buffers.map(latest) : []),
  ].map(({ target, value }) => ({ decl: averageOf(decls.get(target)!), value }));
  const first = b.binary("eq", b.host("step"), 0);
  const updates = averaged.map(({ decl, value }): Update => {
    const old = leaf(b, decl);
    const next = b.add(old, b.mul(b.sub(value, old), b.sub(1, ema)));
    return { target: decl.name, value: b.where(first, value, next) };
  });
  return { updates, states: averaged.map(({ decl }) => decl) };
}

function averageOf({ name, shape, span }: TensorDecl): TensorDecl {
  return { name: `${name}@average`, kind: "state", shape, init: { kind: "constant", value: 0 }, averageOf: name, span };
}

const leaf = (b: Context["b"], { name, kind, shape }: TensorDecl): Value => b.op(kind, [], { name, shape });
