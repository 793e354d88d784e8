import { ShapeError } from "../diagnostics.ts";
import { sameShape } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { poolCases } from "./pool-samples.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands, shapeAttr, showShape } from "./types.ts";
import { poolCells, poolShape } from "./window.ts";

export const sumUnpool2d = defineOp({
  name: "sum_unpool2d",
  doc: "dy → `shape`: adds each dy to every cell of its window. The adjoint of sum_pool2d.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("sum_unpool2d", inputs, 1);
    expectDType("sum_unpool2d", inputs[0], ["f32"]);
    const x = { dtype: "f32", shape: shapeAttr(attrs, "shape") } as const;
    const y = poolShape("sum_unpool2d", x, attrs);
    if (!sameShape(y, inputs[0].shape)) {
      throw new ShapeError(`sum_unpool2d: dy must be ${showShape(y)}, found ${showShape(inputs[0].shape)}`);
    }
    return x;
  },
  grad(b, { attrs, dy: dx }) {
    const { shape: _, ...pool } = attrs;
    return [b.op("sum_pool2d", [dx], pool)];
  },
  reference([dy], attrs, type, { n }) {
    const dx = zeros(concrete(type.shape, n));
    poolCells(dx.shape, dy.shape, attrs, (xAt, yAt) => {
      dx.data[xAt] += dy.data[yAt];
    });
    return dx;
  },
  samples: poolCases.map(({ x, y, attrs, n }) => ({ inputs: [{ shape: y }], attrs: { ...attrs, shape: x }, n })),
});
