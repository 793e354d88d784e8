import { tensorLeaf } from "./leaf.ts";
import { defineOp } from "./op.ts";

export const state = defineOp({
  name: "state",
  doc: "A tensor of the optimizer: `name`, `shape`. Its value before the call.",
  category: "leaf",
  infer: tensorLeaf("state"),
  samples: [],
});
