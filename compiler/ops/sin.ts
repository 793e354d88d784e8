import { unary } from "./elementwise.ts";

export const sin = unary({
  name: "sin",
  doc: "sin x (radians). d = cos x dx.",
  f: Math.sin,
  grad: (b, { x, dy }) => b.mul(dy, b.op("cos", [x])),
  scalar: (e, x) => e.unary("sin", x),
});
