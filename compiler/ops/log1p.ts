import { unary } from "./elementwise.ts";

export const log1p = unary({
  name: "log1p",
  doc: "ln(1 + x), accurate near 0; at most 2 ulp in f32. d = dx / (1 + x).",
  f: Math.log1p,
  grad: (b, { x, dy }) => b.div(dy, b.add(1, x)),
  scalar: (e, x) => e.unary("log1p", x),
  range: [-0.7, 2],
});
