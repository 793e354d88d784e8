import { unary } from "./elementwise.ts";

export const expm1 = unary({
  name: "expm1",
  doc: "e^x − 1, accurate near 0; at most 2 ulp in f32. d = (y + 1) dx.",
  f: Math.expm1,
  grad: (b, { value, dy }) => b.mul(dy, b.add(value, 1)),
  scalar: (e, x) => e.unary("expm1", x),
});
