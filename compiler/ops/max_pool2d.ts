import { defineOp } from "./op.ts";
import { poolCases } from "./pool-samples.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands } from "./types.ts";
import { poolCells, poolShape } from "./window.ts";

export const maxPool2d = defineOp({
  name: "max_pool2d",
  doc: "The largest of each window of x [N, C, H, W]; padding counts as −∞; NaN propagates. `kernel`, `stride`, `padding` = [top, left, bottom, right]. The whole gradient goes to the first largest.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("max_pool2d", inputs, 1);
    expectDType("max_pool2d", inputs[0], ["f32"]);
    return { dtype: "f32", shape: poolShape("max_pool2d", inputs[0], attrs) };
  },
  grad: (b, { inputs: [x], attrs, dy }) => [
    b.op("max_unpool2d", [dy, b.op("max_pool2d_index", [x], attrs)], { ...attrs, shape: x.type.shape }),
  ],
  reference([x], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    out.data.fill(Number.NEGATIVE_INFINITY);
    poolCells(x.shape, out.shape, attrs, (xAt, yAt) => {
      out.data[yAt] = Math.max(out.data[yAt], x.data[xAt]);
    });
    return out;
  },
  samples: poolCases.map(({ x, attrs, n }) => ({ inputs: [{ shape: x }], attrs, n })),
});
