import { tensorLeaf } from "./leaf.ts";
import { defineOp } from "./op.ts";

export const buffer = defineOp({
  name: "buffer",
  doc: "A tensor that is saved with the weights but not trained: `name`, `shape`. Its value before the call.",
  category: "leaf",
  infer: tensorLeaf("buffer"),
  samples: [],
});
