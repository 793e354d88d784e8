import { ShapeError } from "../diagnostics.ts";
import { checkStarts, eachPlaced, withLast } from "./dynamic_slice.ts";
import { defineOp } from "./op.ts";
import { concrete, zeros } from "./tensor.ts";
import { expectDType, expectOperands, integersAttr, showShape } from "./types.ts";

export const dynamicPad = defineOp({
  name: "dynamic_pad",
  doc: "Each sample as a block of zeros of `sizes` over the last axes, with x in it from its `starts` on: the gradient of dynamic_slice.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("dynamic_pad", inputs, 2);
    const [x, starts] = inputs;
    expectDType("dynamic_pad", x, ["f32"]);
    const sizes = integersAttr(attrs, "sizes");
    checkStarts("dynamic_pad", x, starts, sizes.length);
    const block = x.shape.slice(x.shape.length - sizes.length);
    if (sizes.length === 0 || sizes.some((size, j) => block[j] === "n" || size < (block[j] as number))) {
      throw new ShapeError(`dynamic_pad: ${showShape(x.shape)} does not fit into ${showShape(sizes)}`);
    }
    return { dtype: x.dtype, shape: withLast(x.shape, sizes) };
  },
  grad(b, { inputs: [x, starts], attrs, dy }) {
    const { length } = integersAttr(attrs, "sizes");
    return [b.op("dynamic_slice", [dy, starts], { sizes: x.type.shape.slice(-length) as number[] }), null];
  },
  reference([x, starts], _, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    eachPlaced(x.shape, out.shape, starts, (i, at) => {
      out.data[at] = x.data[i];
    });
    return out;
  },
  samples: [
    {
      inputs: [{ shape: ["n", 2, 4, 6] }, { shape: ["n", 2], dtype: "i32", range: [-2, 7] }],
      attrs: { sizes: [6, 9] },
      n: 3,
    },
    { inputs: [{ shape: ["n", 5] }, { shape: ["n", 1], dtype: "i32", range: [0, 3] }], attrs: { sizes: [7] }, n: 1 },
  ],
});
