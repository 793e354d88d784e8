import { ShapeError } from "../diagnostics.ts";
import { sameShape } from "../ir/graph.ts";
import { defineOp } from "./op.ts";
import { poolCases } from "./pool-samples.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands, shapeAttr, showShape } from "./types.ts";
import { poolCells, poolShape } from "./window.ts";

export const maxUnpool2d = defineOp({
  name: "max_unpool2d",
  doc: "(dy, index) → `shape`: adds each dy to the cell of its window that index (max_pool2d_index) names; 0 elsewhere. Overlapping windows accumulate.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("max_unpool2d", inputs, 2);
    const [dy, index] = inputs;
    expectDType("max_unpool2d", dy, ["f32"]);
    expectDType("max_unpool2d (index)", index, ["i32"]);
    const x = { dtype: "f32", shape: shapeAttr(attrs, "shape") } as const;
    const y = poolShape("max_unpool2d", x, attrs);
    for (const { shape } of inputs) {
      if (!sameShape(y, shape)) {
        throw new ShapeError(`max_unpool2d: dy and index must be ${showShape(y)}, found ${showShape(shape)}`);
      }
    }
    return x;
  },
  grad(b, { inputs: [, index], attrs, dy: dx }) {
    const { shape: _, ...pool } = attrs;
    return [b.op("max_pool2d_gather", [dx, index], pool), null];
  },
  reference([dy, index], attrs, type, { n }) {
    const dx = zeros(concrete(type.shape, n));
    poolCells(dx.shape, dy.shape, attrs, (xAt, yAt, tap) => {
      if (index.data[yAt] === tap) dx.data[xAt] += dy.data[yAt];
    });
    return dx;
  },
  samples: poolCases.map(({ x, y, attrs, cells, n }) => ({
    inputs: [{ shape: y }, { shape: y, dtype: "i32", range: [0, cells] }],
    attrs: { ...attrs, shape: x },
    n,
  })),
});
