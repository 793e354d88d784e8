import { binary, extreme } from "./elementwise.ts";

export const maximum = binary({
  name: "maximum",
  doc: "The larger of x and y; NaN if either is. The gradient goes to the larger, half to each at a tie (torch.maximum).",
  dtypes: ["f32", "i32"],
  f: Math.max,
  grad: (b, { x, y, dy }) => {
    const shared = b.where(b.binary("eq", x, y), b.mul(dy, 0.5), dy);
    return [b.where(b.binary("lt", x, y), 0, shared), b.where(b.binary("gt", x, y), 0, shared)];
  },
  scalar: (e, x, y) => extreme(e, "max", x, y),
});
