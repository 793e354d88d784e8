/** The gradients that the optimizer sees: of one batch or of several, clipped where the model asks for it. */
import type { TensorDecl, Value } from "../ir/graph.ts";
import type { Context } from "./context.ts";
import type { Update } from "./optimizer-body.ts";
import type { UpdateSettings } from "./settings.ts";

export interface Gradients {
  of(decl: TensorDecl): Value;
  /** Where an update takes several batches: the sums of their gradients, and what each batch adds. */
  readonly accumulated: { readonly updates: readonly Update[]; readonly states: readonly TensorDecl[] } | null;
}

export function gradientsOf(
  params: readonly TensorDecl[],
  loss: Value,
  { accumulate, clip_value, clip_norm }: UpdateSettings,
  { b }: Context,
): Gradients {
  const ofBatch = params.map(({ name, shape, span }): Value => {
    b.span = span;
    return b.op("grad", [loss, b.op("param", [], { name, shape })]);
  });
  const sums = accumulate === 1 ? null : accumulated(params, ofBatch, b);
  let values = sums ? sums.means : ofBatch;
  b.span = null;
  if (clip_value !== null) values = values.map((grad) => clippedByValue(b, grad, clip_value));
  if (clip_norm !== null) values = clippedByNorm(b, values, clip_norm);
  const found = new Map(params.map((decl, i) => [decl, values[i]]));
  return { of: (decl) => found.get(decl)!, accumulated: sums };
}

type Builder = Context["b"];

/**
 * Σ n · gradient over the batches of an update, where n counts a batch's samples. Divided by all samples, that is the gradient
 * of the mean loss of all of them, whatever the sizes of the batches. `accumulated` is the number of samples so far.
 */
function accumulated(params: readonly TensorDecl[], ofBatch: readonly Value[], b: Builder) {
  const samples = b.host("accumulated");
  const states = params.map(
    ({ name, shape, span }): TensorDecl => ({
      name: `${name}@gradient`,
      kind: "state",
      shape,
      init: { kind: "constant", value: 0 },
      span,
    }),
  );
  const sums = states.map(({ name, shape }) => b.op("state", [], { name, shape }));
  const first = b.binary("eq", samples, 0);
  const updates = states.map(({ name: target }, i): Update => {
    const before = b.where(first, 0, sums[i]);
    return { target, value: b.add(before, b.mul(ofBatch[i], b.host("n"))) };
  });
  return { states, updates, means: sums.map((sum) => b.div(sum, samples)) };
}

/** Each element within ±limit, as PyTorch's clip_grad_value_. */
function clippedByValue(b: Builder, grad: Value, limit: Value): Value {
  return b.binary("maximum", b.binary("minimum", grad, limit), b.neg(limit));
}

/** Together no longer than `most`, as PyTorch's clip_grad_norm_: times min(1, most / (√Σ g² + 1e-6)). */
function clippedByNorm(b: Builder, grads: readonly Value[], most: Value): Value[] {
  const squares = grads.map((grad) =>
    b.sum(
      b.mul(grad, grad),
      grad.type.shape.map((_, axis) => axis),
    ),
  );
  const norm = b.sqrt(inPairs(squares, (x, y) => b.add(x, y)) ?? b.const(0));
  const factor = b.binary("minimum", b.div(most, b.add(norm, 1e-6)), 1);
  return grads.map((grad) => b.mul(grad, factor));
}

/** All of the values in one, as a tree of little depth; undefined if there are none. */
function inPairs(values: readonly Value[], join: (x: Value, y: Value) => Value): Value | undefined {
  if (values.length < 2) return values[0];
  const half = values.length >> 1;
  return join(inPairs(values.slice(0, half), join)!, inPairs(values.slice(half), join)!);
}
