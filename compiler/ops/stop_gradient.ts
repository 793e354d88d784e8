import { unary } from "./elementwise.ts";

export const stopGradient = unary({
  name: "stop_gradient",
  doc: "x, as a constant of differentiation: its gradient is 0. Removed after differentiation.",
  dtypes: ["f32", "i32", "bool"],
  f: (x) => x,
  grad: () => null,
  scalar: (_, x) => x,
});
