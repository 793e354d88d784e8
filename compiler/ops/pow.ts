import type { Builder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { binary } from "./elementwise.ts";
import { floatAttr } from "./types.ts";

/** dy · p x^(p−1), with 0 for p = 0 even where x^(p−1) is infinite. */
function gradBase(b: Builder, x: Value, p: Value, dy: Value): Value | null {
  if (p.op === "const") {
    const exponent = floatAttr(p.attrs, "value");
    if (exponent === 0) return null;
    if (exponent === 1) return dy;
    return b.mul(dy, b.mul(exponent, b.binary("pow", x, exponent - 1)));
  }
  return b.where(b.binary("eq", p, 0), 0, b.mul(dy, b.mul(p, b.binary("pow", x, b.sub(p, 1)))));
}

/** dy · x^p ln x, with its limit 0 for x = 0, p ≥ 0, where ln x is infinite. */
function gradExponent(b: Builder, x: Value, p: Value, y: Value, dy: Value): Value | null {
  if (p.op === "const") return null;
  const limit = b.binary("and", b.binary("eq", x, 0), b.binary("ge", p, 0));
  return b.where(limit, 0, b.mul(dy, b.mul(y, b.log(x))));
}

export const pow = binary({
  name: "pow",
  doc: "x^y; NaN for negative x and fractional y. d = y x^(y−1) dx + x^y ln x dy, with torch.pow's limits: the first is 0 for y = 0, the second for x = 0, y ≥ 0.",
  f: (x, y) => x ** y,
  grad: (b, { x, y: p, value, dy }) => [gradBase(b, x, p, dy), gradExponent(b, x, p, value, dy)],
  scalar: (e, x, y) => e.binary("pow", x, y),
  ranges: [
    [0.3, 2],
    [-2, 3],
  ],
});
