import { defineOp } from "./op.ts";
import { poolCases } from "./pool-samples.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands } from "./types.ts";
import { poolCells, poolShape } from "./window.ts";

export const maxPool2dIndex = defineOp({
  name: "max_pool2d_index",
  doc: "Where max_pool2d finds its value: index (i32) within the window, row-major. The first largest; if there are NaNs, the last of them.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("max_pool2d_index", inputs, 1);
    expectDType("max_pool2d_index", inputs[0], ["f32"]);
    return { dtype: "i32", shape: poolShape("max_pool2d_index", inputs[0], attrs) };
  },
  grad: () => [null],
  reference([x], attrs, type, { n }) {
    const index = zeros(concrete(type.shape, n));
    const best = new Float64Array(index.data.length);
    let current = -1;
    poolCells(x.shape, index.shape, attrs, (xAt, yAt, tap) => {
      const value = x.data[xAt];
      if (yAt !== current || value > best[yAt] || Number.isNaN(value)) {
        best[yAt] = value;
        index.data[yAt] = tap;
      }
      current = yAt;
    });
    return index;
  },
  samples: poolCases.map(({ x, attrs, n }) => ({ inputs: [{ shape: x }], attrs, n })),
});
