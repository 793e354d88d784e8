import { unary } from "./elementwise.ts";

export const abs = unary({
  name: "abs",
  doc: "|x|. d|x| = sign(x) dx; 0 at 0.",
  dtypes: ["f32", "i32"],
  f: Math.abs,
  grad: (b, { x, dy }) => b.mul(dy, b.op("sign", [x])),
  scalar: (e, x) => e.unary("abs", x),
});
