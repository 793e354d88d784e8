import type { DType } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { expectDType, expectOperands, shapeAttr, stringAttr } from "./types.ts";

export const input = defineOp({
  name: "input",
  doc: "What the caller fills before a call: `name`, `dtype` (f32, i32 or u8), `shape` (sample axis included).",
  category: "leaf",
  infer(inputs, attrs) {
    expectOperands("input", inputs, 0);
    stringAttr(attrs, "name");
    const type = { dtype: stringAttr(attrs, "dtype") as DType, shape: shapeAttr(attrs, "shape") };
    expectDType("input", type, ["f32", "i32", "u8"]);
    return type;
  },
  samples: [],
});
