import { unary } from "./elementwise.ts";

export const cos = unary({
  name: "cos",
  doc: "cos x (radians). d = −sin x dx.",
  f: Math.cos,
  grad: (b, { x, dy }) => b.neg(b.mul(dy, b.op("sin", [x]))),
  scalar: (e, x) => e.unary("cos", x),
});
