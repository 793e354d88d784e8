import { defineOp } from "./op.ts";
import { poolCases } from "./pool-samples.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands } from "./types.ts";
import { poolCells, poolShape } from "./window.ts";

export const sumPool2d = defineOp({
  name: "sum_pool2d",
  doc: "The sum of each window of x [N, C, H, W]; padding counts as 0. `kernel`, `stride`, `padding` = [top, left, bottom, right].",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("sum_pool2d", inputs, 1);
    expectDType("sum_pool2d", inputs[0], ["f32"]);
    return { dtype: "f32", shape: poolShape("sum_pool2d", inputs[0], attrs) };
  },
  grad: (b, { inputs: [x], attrs, dy }) => [b.op("sum_unpool2d", [dy], { ...attrs, shape: x.type.shape })],
  reference([x], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    poolCells(x.shape, out.shape, attrs, (xAt, yAt) => {
      out.data[yAt] += x.data[xAt];
    });
    return out;
  },
  samples: poolCases.map(({ x, attrs, n }) => ({ inputs: [{ shape: x }], attrs, n })),
});
