import { defineOp } from "./op.ts";
import { expectOperands, stringAttr } from "./types.ts";

export const host = defineOp({
  name: "host",
  doc: "A scalar that the runtime knows before a call: `name` is a HostValue (runtime/abi.ts). f32 of rank 0.",
  category: "leaf",
  infer(inputs, attrs) {
    expectOperands("host", inputs, 0);
    stringAttr(attrs, "name");
    return { dtype: "f32", shape: [] };
  },
  samples: [],
});
