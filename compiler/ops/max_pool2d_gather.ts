import { ShapeError } from "../diagnostics.ts";
import { sameShape } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { poolCases } from "./pool-samples.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands, showShape } from "./types.ts";
import { poolCells, poolShape } from "./window.ts";

export const maxPool2dGather = defineOp({
  name: "max_pool2d_gather",
  doc: "(x, index) → the cell of each window that index (max_pool2d_index) names; 0 if it lies in the padding. The adjoint of max_unpool2d.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("max_pool2d_gather", inputs, 2);
    const [x, index] = inputs;
    expectDType("max_pool2d_gather", x, ["f32"]);
    expectDType("max_pool2d_gather (index)", index, ["i32"]);
    const shape = poolShape("max_pool2d_gather", x, attrs);
    if (!sameShape(shape, index.shape)) {
      throw new ShapeError(`max_pool2d_gather: index must be ${showShape(shape)}, found ${showShape(index.shape)}`);
    }
    return { dtype: "f32", shape };
  },
  grad: (b, { inputs: [x, index], attrs, dy }) => [
    b.op("max_unpool2d", [dy, index], { ...attrs, shape: x.type.shape }),
    null,
  ],
  reference([x, index], attrs, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    poolCells(x.shape, out.shape, attrs, (xAt, yAt, tap) => {
      if (index.data[yAt] === tap) out.data[yAt] = x.data[xAt];
    });
    return out;
  },
  samples: poolCases.map(({ x, y, attrs, cells, n }) => ({
    inputs: [{ shape: x }, { shape: y, dtype: "i32", range: [0, cells] }],
    attrs,
    n,
  })),
});
