import { unary } from "./elementwise.ts";

export const expm1 = unary({
  name: "expm1",
  doc: "e^x − 1, accurate near 0; at most 2 ulp in f32. d = e^x dx, whose digits y + 1 would lose below 0.",
  f: Math.expm1,
  grad: (b, { x, dy }) => b.mul(dy, b.exp(x)),
  scalar: (e, x) => e.unary("expm1", x),
});
