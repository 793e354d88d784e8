import { binary } from "./elementwise.ts";

export const div = binary({
  name: "div",
  doc: "x / y. d = dx / y − (x / y) dy / y.",
  f: (x, y) => x / y,
  grad: (b, { y, dy, value }) => [b.div(dy, y), b.neg(b.div(b.mul(dy, value), y))],
  scalar: (e, x, y) => e.div(x, y),
  ranges: [
    [-2, 2],
    [0.5, 2],
  ],
});
