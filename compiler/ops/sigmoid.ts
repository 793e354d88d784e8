import { unary } from "./elementwise.ts";

export const sigmoid = unary({
  name: "sigmoid",
  doc: "1 / (1 + e^−x). d = y (1 − y) dx.",
  f: (x) => 1 / (1 + Math.exp(-x)),
  grad: (b, { value, dy }) => b.mul(dy, b.mul(value, b.sub(1, value))),
  scalar: (e, x) => e.unary("sigmoid", x),
});
