import { binary } from "./elementwise.ts";

export const and = binary({
  name: "and",
  doc: "Logical and of two bools.",
  dtypes: ["bool"],
  f: (x, y) => x & y,
  scalar: (e, x, y) => e.binary("and", x, y),
});
