import { defineOp } from "./op.ts";

/** Inserted by the layout pass (compiler/3-passes/layout.ts); never part of a model. */
export const relayout = defineOp({
  name: "relayout",
  doc: "x, stored in the layout named by `layout` (compiler/ir/layout.ts).",
  category: "elementwise",
  infer: ([x]) => x,
  grad: (_, { dy }) => [dy],
  reference: ([x]) => x,
  scalar: (_, [x]) => x,
  samples: [{ inputs: [{ shape: ["n", 3, 5, 7] }], attrs: { layout: "nhwc:2" }, n: 3 }],
});
