import { unary } from "./elementwise.ts";

export const floor = unary({
  name: "floor",
  doc: "⌊x⌋. The gradient is 0.",
  f: Math.floor,
  grad: () => null,
  scalar: (e, x) => e.unary("floor", x),
});
