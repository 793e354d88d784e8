import { unary } from "./elementwise.ts";

export const log = unary({
  name: "log",
  doc: "ln x; at most 2 ulp in f32; −∞ at 0, NaN below. d ln x = dx / x.",
  f: Math.log,
  grad: (b, { x, dy }) => b.div(dy, x),
  scalar: (e, x) => e.unary("log", x),
  range: [0.2, 3],
});
