import { unary } from "./elementwise.ts";

export const sqrt = unary({
  name: "sqrt",
  doc: "√x; NaN below 0. d√x = dx / (2√x); infinite at 0.",
  f: Math.sqrt,
  grad: (b, { value, dy }) => b.div(dy, b.mul(2, value)),
  scalar: (e, x) => e.unary("sqrt", x),
  range: [0.2, 3],
});
