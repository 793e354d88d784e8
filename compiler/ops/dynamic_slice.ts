import { ShapeError } from "../diagnostics.ts";
import type { Shape, TensorType } from "../ir/graph.ts";
import { defineOp, type Tensor } from "./op.ts";
import { concrete, elements, stridesOf, walk, zeros } from "./tensor.ts";
import { expectDType, expectOperands, integersAttr, showShape } from "./types.ts";

/** What `dynamic_slice` and `dynamic_pad` share: one start for each of the last `count` axes of every sample. */
export function checkStarts(op: string, x: TensorType, starts: TensorType, count: number): void {
  expectDType(`${op} (starts)`, starts, ["i32"]);
  const [samples] = x.shape;
  if (
    x.shape.length <= count ||
    starts.shape.length !== 2 ||
    starts.shape[0] !== samples ||
    starts.shape[1] !== count
  ) {
    const found = `found ${showShape(starts.shape)} for ${showShape(x.shape)}`;
    throw new ShapeError(`${op}: the starts must be i32[${samples}, ${count}], one for each size, ${found}`);
  }
}

/** The sizes of the last axes in place of a shape's own. */
export const withLast = (shape: Shape, sizes: readonly number[]): Shape => [
  ...shape.slice(0, shape.length - sizes.length),
  ...sizes,
];

/** For each row-major element of the `block`, its index in the `whole` that it lies in at its sample's start. */
export function eachPlaced(
  block: readonly number[],
  whole: readonly number[],
  starts: Tensor,
  visit: (inBlock: number, inWhole: number) => void,
): void {
  const strides = stridesOf(whole);
  const count = starts.shape[1];
  const first = whole.length - count;
  const size = elements(block) / block[0];
  for (let i = 0; i < block[0]; i++) {
    let offset = i * strides[0];
    for (let j = 0; j < count; j++) {
      const most = whole[first + j] - block[first + j];
      offset += Math.min(Math.max(starts.data[i * count + j], 0), most) * strides[first + j];
    }
    walk(block.slice(1), strides.slice(1), offset, (k, at) => visit(i * size + k, at));
  }
}

export const dynamicSlice = defineOp({
  name: "dynamic_slice",
  doc: "From each sample the block of `sizes` over the last axes that begins at its `starts`: y[i, …, a, b] = x[i, …, starts[i, 0] + a, starts[i, 1] + b]. A start is moved so that the block lies inside.",
  category: "kernel",
  infer(inputs, attrs) {
    expectOperands("dynamic_slice", inputs, 2);
    const [x, starts] = inputs;
    expectDType("dynamic_slice", x, ["f32", "i32"]);
    const sizes = integersAttr(attrs, "sizes");
    checkStarts("dynamic_slice", x, starts, sizes.length);
    const whole = x.shape.slice(x.shape.length - sizes.length);
    if (sizes.length === 0 || sizes.some((size, j) => size < 1 || whole[j] === "n" || size > (whole[j] as number))) {
      throw new ShapeError(`dynamic_slice: ${showShape(sizes)} is no block of ${showShape(x.shape)}`);
    }
    return { dtype: x.dtype, shape: withLast(x.shape, sizes) };
  },
  grad(b, { inputs: [x, starts], attrs, dy }) {
    const { length } = integersAttr(attrs, "sizes");
    return [b.op("dynamic_pad", [dy, starts], { sizes: x.type.shape.slice(-length) as number[] }), null];
  },
  reference([x, starts], _, type, { n }) {
    const out = zeros(concrete(type.shape, n));
    eachPlaced(out.shape, x.shape, starts, (i, at) => {
      out.data[i] = x.data[at];
    });
    return out;
  },
  samples: [
    {
      inputs: [{ shape: ["n", 2, 6, 9] }, { shape: ["n", 2], dtype: "i32", range: [-2, 7] }],
      attrs: { sizes: [4, 6] },
      n: 3,
    },
    { inputs: [{ shape: ["n", 7] }, { shape: ["n", 1], dtype: "i32", range: [0, 3] }], attrs: { sizes: [5] }, n: 1 },
    {
      inputs: [{ shape: ["n", 3, 5, 8] }, { shape: ["n", 2], dtype: "i32", range: [0, 3] }],
      attrs: { sizes: [3, 8] },
      n: 5,
    },
  ],
});
