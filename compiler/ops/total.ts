import { tensorLeaf } from "./leaf.ts";
import { defineOp } from "./op.ts";

export const total = defineOp({
  name: "total",
  doc: "What `evaluate` found in each batch, combined over all of them by the runtime: `name`, `shape`.",
  category: "leaf",
  infer: tensorLeaf("total"),
  samples: [],
});
