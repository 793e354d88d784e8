/** The passes on the tensor IR, in order, each with the reason for its place. */
import { chooseAlgorithms } from "./3-passes/algorithms.ts";
import { differentiate } from "./3-passes/differentiate.ts";
import { assignLayouts } from "./3-passes/layout.ts";
import { shareMoments } from "./3-passes/moments.ts";
import { packWeights } from "./3-passes/packing.ts";
import { simplify } from "./3-passes/simplify.ts";
import { splitEvaluation } from "./3-passes/totals.ts";
import type { Builder } from "./ir/builder.ts";
import type { Module } from "./ir/graph.ts";
import { verify } from "./ir/verify.ts";
import type { Target } from "./target.ts";

export interface Pass {
  /** The stage's name for `mlc explain --stage`: the module after this pass. */
  readonly name: string;
  readonly doc: string;
  readonly run: (module: Module, b: Builder, target: Target) => Module;
  /** Passes that must come before, and why. */
  readonly after: readonly (readonly [pass: string, reason: string])[];
}

export const passes: readonly Pass[] = [
  {
    name: "simplify",
    doc: "algebra, constants, and idioms such as softmax raised to one operation",
    run: simplify,
    after: [],
  },
  {
    name: "totals",
    doc: "evaluation split into what is found batch by batch and what is computed from it at the end",
    run: splitEvaluation,
    after: [["simplify", "a factor such as 1/n must stand outside of the sum over the samples"]],
  },
  {
    name: "differentiate",
    doc: "every grad(loss, parameter) expanded into the graph that computes it",
    run: differentiate,
    after: [["simplify", "log(softmax(x)) has a stable gradient only once it is log_softmax(x)"]],
  },
  {
    name: "gradient",
    doc: "the same algebra on the gradients",
    run: simplify,
    after: [["differentiate", "gradient rules leave factors of 1, sums of one-hot rows and double broadcasts behind"]],
  },
  {
    name: "moments",
    doc: "batch norm's mean and variance from sums that keep samples apart",
    run: shareMoments,
    after: [["gradient", "a variance is seen by its simplest form, and its gradient needs none of the new sums"]],
  },
  {
    name: "algorithms",
    doc: "how each convolution is computed",
    run: chooseAlgorithms,
    after: [["differentiate", "the gradient convolutions are rewritten too, and share operands with the forward ones"]],
  },
  {
    name: "layout",
    doc: "how values lie in memory; changes of layout become operations",
    run: assignLayouts,
    after: [["algorithms", "the algorithm says which layout its operands need"]],
  },
  {
    name: "packing",
    doc: "weights kept in the layout that kernels read, from step to step",
    run: packWeights,
    after: [["layout", "changes of layout are operations of the graph then"]],
  },
];

export interface PassOptions {
  readonly target: Target;
  /** Checks every invariant of the IR between passes. */
  readonly verify?: boolean;
  /** Sees the module before the first pass ("elaborate") and after each. */
  readonly observe?: (stage: string, module: Module) => void;
}

export function runPasses(module: Module, b: Builder, options: PassOptions): Module {
  let current = module;
  const step = (stage: string) => {
    if (options.verify) verify(current);
    options.observe?.(stage, current);
  };
  step("elaborate");
  for (const pass of passes) {
    current = pass.run(current, b, options.target);
    step(pass.name);
  }
  return current;
}
