import { binary } from "./elementwise.ts";

export const or = binary({
  name: "or",
  doc: "Logical or of two bools.",
  dtypes: ["bool"],
  f: (x, y) => x | y,
  scalar: (e, x, y) => e.binary("or", x, y),
});
