import { binary, extreme } from "./elementwise.ts";

export const minimum = binary({
  name: "minimum",
  doc: "The smaller of x and y; NaN if either is. The gradient goes to the smaller, half to each at a tie (torch.minimum).",
  dtypes: ["f32", "i32"],
  f: Math.min,
  grad: (b, { x, y, dy }) => {
    const shared = b.where(b.binary("eq", x, y), b.mul(dy, 0.5), dy);
    return [b.where(b.binary("gt", x, y), 0, shared), b.where(b.binary("lt", x, y), 0, shared)];
  },
  scalar: (e, x, y) => extreme(e, "min", x, y),
});
