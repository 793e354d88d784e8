import { unary } from "./elementwise.ts";

export const sign = unary({
  name: "sign",
  doc: "−1, 0 or 1; 0 for NaN, as torch.sign. The gradient is 0.",
  f: (x) => Number(x > 0) - Number(x < 0),
  grad: () => null,
  scalar: (e, x) => {
    const zero = e.const(0);
    const negative = e.select(e.compare("lt", x, zero), e.const(-1), zero);
    return e.select(e.compare("gt", x, zero), e.const(1), negative);
  },
});
