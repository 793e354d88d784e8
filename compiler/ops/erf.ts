import { unary } from "./elementwise.ts";
import { erf as reference } from "./erf-reference.ts";

export const erf = unary({
  name: "erf",
  doc: "2/√π ∫₀ˣ e^(−t²) dt; at most 2 ulp in f32. d = 2/√π e^(−x²) dx.",
  f: reference,
  grad: (b, { x, dy }) => b.mul(dy, b.mul(2 / Math.sqrt(Math.PI), b.exp(b.neg(b.mul(x, x))))),
  scalar: (e, x) => e.unary("erf", x),
});
