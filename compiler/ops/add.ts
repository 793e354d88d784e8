import { binary } from "./elementwise.ts";

export const add = binary({
  name: "add",
  doc: "x + y",
  dtypes: ["f32", "i32"],
  f: (x, y) => x + y,
  grad: (_, { dy }) => [dy, dy],
  scalar: (e, x, y) => e.add(x, y),
});
