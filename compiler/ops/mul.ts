import { binary } from "./elementwise.ts";

export const mul = binary({
  name: "mul",
  doc: "x y. d = y dx + x dy.",
  dtypes: ["f32", "i32"],
  f: (x, y) => x * y,
  grad: (b, { x, y, dy }) => [b.mul(dy, y), b.mul(dy, x)],
  scalar: (e, x, y) => e.mul(x, y),
});
