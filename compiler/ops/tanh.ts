import { unary } from "./elementwise.ts";

export const tanh = unary({
  name: "tanh",
  doc: "(e^x − e^−x) / (e^x + e^−x); at most 2 ulp in f32. d tanh x = (1 − tanh² x) dx.",
  f: Math.tanh,
  grad: (b, { value, dy }) => b.mul(dy, b.sub(1, b.mul(value, value))),
  scalar: (e, x) => e.unary("tanh", x),
});
