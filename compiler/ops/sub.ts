import { binary } from "./elementwise.ts";

export const sub = binary({
  name: "sub",
  doc: "x − y",
  dtypes: ["f32", "i32"],
  f: (x, y) => x - y,
  grad: (b, { dy }) => [dy, b.neg(dy)],
  scalar: (e, x, y) => e.sub(x, y),
});
