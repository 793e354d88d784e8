import { unary } from "./elementwise.ts";

export const exp = unary({
  name: "exp",
  doc: "e^x; at most 2 ulp in f32. d e^x = e^x dx.",
  f: Math.exp,
  grad: (b, { value, dy }) => b.mul(dy, value),
  scalar: (e, x) => e.unary("exp", x),
});
