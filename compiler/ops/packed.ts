import { tensorLeaf } from "./leaf.ts";
import { defineOp } from "./op.ts";

/** Inserted by the packing pass (compiler/3-passes/packing.ts); never part of a model. */
export const packed = defineOp({
  name: "packed",
  doc: "A function of other tensors, kept in the layout named by `layout`: `name`, `shape`. Its value before the call.",
  category: "leaf",
  infer: tensorLeaf("packed"),
  samples: [],
});
