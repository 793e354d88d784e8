import { ShapeError } from "../diagnostics.ts";
import { defineOp } from "./op.ts";
import { tensorOf } from "./tensor.ts";
import { expectOperands, showType, stringAttr } from "./types.ts";

/** Towards zero, saturating; NaN becomes 0. */
function toInteger(x: number): number {
  return Math.min(2147483647, Math.max(-2147483648, Math.trunc(x) || 0));
}

export const cast = defineOp({
  name: "cast",
  doc: "The same numbers as another element type `dtype`: f32 or i32. f32 → i32 rounds towards zero, saturates, NaN → 0; bool gives 0 or 1. Not differentiable.",
  category: "elementwise",
  infer(inputs, attrs) {
    expectOperands("cast", inputs, 1);
    const dtype = stringAttr(attrs, "dtype");
    if (dtype !== "f32" && dtype !== "i32") {
      const help = dtype === "bool" ? "compare with 0" : undefined;
      throw new ShapeError(`cast makes f32 or i32, not ${dtype}`, help);
    }
    if (dtype === inputs[0].dtype) throw new ShapeError(`cast: ${showType(inputs[0])} is ${dtype} already`);
    return { dtype, shape: inputs[0].shape };
  },
  grad: () => [null],
  reference: ([x], _, type) => tensorOf(x.shape, (i) => (type.dtype === "i32" ? toInteger(x.data[i]) : x.data[i])),
  scalar: (e, [x], attrs) => e.cast(x, stringAttr(attrs, "dtype") as "f32" | "i32"),
  samples: [
    { inputs: [{ shape: ["n", 7], range: [-9, 9] }], attrs: { dtype: "i32" }, n: 3 },
    { inputs: [{ shape: [5], dtype: "i32", range: [-9, 9] }], attrs: { dtype: "f32" } },
    { inputs: [{ shape: [2, 3], dtype: "bool" }], attrs: { dtype: "f32" } },
    { inputs: [{ shape: [2, 3], dtype: "bool" }], attrs: { dtype: "i32" } },
    { inputs: [{ shape: ["n", 9], dtype: "u8", range: [0, 256] }], attrs: { dtype: "f32" }, n: 1 },
  ],
});
