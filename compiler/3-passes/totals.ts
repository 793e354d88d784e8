/**
 * Splits evaluation into what is found batch by batch and what is computed from it at the end.
 *
 * A result of `evaluate` is a function of reductions over the samples. Each of these (the last one on the way from the inputs
 * to the result) becomes a *total*: `evaluate` gives that of a batch, the runtime combines the batches', and the program
 * `summary` computes the results from the totals, with `n` the number of all samples. So a mean is Σ x / n over the whole split,
 * however its last batch turns out, and a metric can be any function of such sums: a confusion matrix, a precision.
 *
 * What is computed before the last reduction (a sample's distance from the mean of its batch) is computed batch by batch.
 */
import type { Builder } from "../ir/builder.ts";
import type { Combine, Module, Program, TensorDecl, Value } from "../ir/graph.ts";
import { topological } from "../ir/graph.ts";
import { rebuild } from "./rewrite.ts";

/** Operations that, over an axis of samples, add them up. */
const SUMS = ["sum", "matmul"];

export function splitEvaluation(module: Module, b: Builder): Module {
  const evaluate = module.programs.find(({ name }) => name === "evaluate");
  if (!evaluate || evaluate.results.length === 0) return module;
  const split = new Split(module, b);
  const summary = split.summaryOf(evaluate);
  return {
    ...module,
    tensors: [...module.tensors, ...split.tensors],
    programs: module.programs.flatMap((program) =>
      program === evaluate ? [{ ...evaluate, results: [], updates: split.updates }, summary] : [program],
    ),
  };
}

class Split {
  readonly tensors: TensorDecl[] = [];
  readonly updates: { target: string; value: Value }[] = [];
  private readonly rebuilt = new Map<Value, Value>();

  constructor(
    private readonly module: Module,
    private readonly b: Builder,
  ) {}

  summaryOf({ results }: Program): Program {
    return {
      name: "summary",
      results: results.map(({ name, value }) => ({ name, value: this.final(value, name) })),
      updates: [],
    };
  }

  /** The value in terms of totals. */
  private final(value: Value, result: string): Value {
    const known = this.rebuilt.get(value);
    if (known) return known;
    const { b } = this;
    const reduces = value.inputs.some(hasSamples) && !hasSamples(value);
    const inputs = reduces ? [] : value.inputs.map((input) => this.final(input, result));
    b.span = value.span;
    const made = reduces ? this.total(value, result) : rebuild(b, value, inputs);
    this.rebuilt.set(value, made);
    return made;
  }

  private total(value: Value, result: string): Value {
    const { b, module } = this;
    const shape = value.type.shape as number[];
    const taken = new Set([...module.tensors, ...this.tensors].map(({ name }) => name));
    let name = `${result}/total`;
    for (let i = 2; taken.has(name); i++) name = `${result}/total${i}`;
    const init = { kind: "constant", value: 0 } as const;
    this.tensors.push({ name, kind: "total", shape, init, combine: combineOf(value), span: value.span });
    this.updates.push({ target: name, value: b.cast(value, "f32") });
    return b.cast(b.op("total", [], { name, shape }), value.type.dtype);
  }
}

const hasSamples = ({ type }: Value): boolean => type.shape.includes("n");

/**
 * A sum of what each sample has is added up; the largest stays the largest. What else there is, or what is divided by the
 * number of samples before it is added up, is a figure of the batch: the mean counts it once for each of its samples.
 */
function combineOf(value: Value): Combine {
  if (value.op === "max") return "max";
  return SUMS.includes(value.op) && !value.inputs.some((input) => isPerBatch(input)) ? "sum" : "mean";
}

/** Whether the value uses the number of samples: other than in a mean over the batch, which is a figure of the data. */
function isPerBatch(value: Value): boolean {
  const isMean = (x: Value) => !hasSamples(x) && topological([x]).some(({ op }) => op === "input");
  const seen = new Set<Value>();
  const stack = [value];
  while (stack.length > 0) {
    const next = stack.pop()!;
    if (seen.has(next)) continue;
    seen.add(next);
    if (next.op === "host" && next.attrs.name === "n") return true;
    if (next.op !== "host" && !isMean(next)) stack.push(...next.inputs);
  }
  return false;
}
