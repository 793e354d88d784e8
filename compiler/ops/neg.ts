import { unary } from "./elementwise.ts";

export const neg = unary({
  name: "neg",
  doc: "−x",
  dtypes: ["f32", "i32"],
  f: (x) => -x,
  grad: (b, { dy }) => b.neg(dy),
  scalar: (e, x) => e.unary("neg", x),
});
