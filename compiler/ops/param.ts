import { tensorLeaf } from "./leaf.ts";
import { defineOp } from "./op.ts";

export const param = defineOp({
  name: "param",
  doc: "A trained tensor: `name`, `shape`. Its value before the call.",
  category: "leaf",
  infer: tensorLeaf("param"),
  samples: [],
});
