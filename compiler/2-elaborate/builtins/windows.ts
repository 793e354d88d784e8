/** Convolution and pooling windows, as primitives; the layers of the library are made of them. */
import type { Shape, Value } from "../../ir/graph.ts";
import { CONV_ALGORITHMS, type ConvAlgorithm, unsuited } from "../../ops/conv-algorithms.ts";
import { type CValue, isList, type Tensor, tensor } from "../values.ts";
import { type Builtin, type BuiltinEnv, params } from "./builtin.ts";

/** Two positive whole numbers, height first. */
function pair(env: BuiltinEnv, value: CValue, name: string): number[] {
  const list = isList(value) ? value : [value, value];
  const valid = list.length === 2 && list.every((v) => Number.isInteger(v) && (v as number) >= 1);
  return valid ? (list as number[]) : env.wrong(name, "a whole number of at least 1, or two of them");
}

/** [top, left, bottom, right], from one number, [vertical, horizontal] or all four. */
function padding(env: BuiltinEnv, value: CValue): number[] {
  const list = isList(value) ? value : [value, value];
  const valid = [2, 4].includes(list.length) && list.every((v) => Number.isInteger(v) && (v as number) >= 0);
  if (!valid) return env.wrong("padding", "a whole number of at least 0, two, or four [top, left, bottom, right]");
  return (list.length === 2 ? [...list, ...list] : list) as number[];
}

function pooling(name: string, op: string, doc: string): Builtin {
  return {
    name,
    params: params("x: tensor, kernel, stride, padding", { padding: 0 }),
    doc,
    run(env, { x, kernel, stride, padding: around }) {
      const attrs = {
        kernel: pair(env, kernel, "kernel"),
        stride: pair(env, stride, "stride"),
        padding: padding(env, around),
      };
      return tensor(env.b.op(op, [(x as Tensor).value], attrs));
    },
  };
}

/** The algorithm that the convolution is to be computed by, if it suits. */
function convAlgorithm(env: BuiltinEnv, value: CValue, { type, inputs, attrs }: Value): ConvAlgorithm {
  const algorithm = CONV_ALGORITHMS.find((name) => name === value);
  if (algorithm === undefined) return env.wrong("algorithm", CONV_ALGORITHMS.join(", "));
  const sizes = [inputs[1], { type }].map((of) => of.type.shape.slice(2) as number[]);
  const reason = unsuited(algorithm, attrs, sizes[0], sizes[1]);
  return reason === null ? algorithm : env.wrong("algorithm", `one that suits this convolution: ${reason}`);
}

type Windows = Readonly<Record<"stride" | "padding" | "dilation", readonly number[]>> & { readonly groups: number };

/** The shape of the image of which a convolution with the weight makes one of x's shape. */
function transposedShape(
  env: BuiltinEnv,
  [x, weight]: readonly Value[],
  { stride, padding: p, dilation, groups }: Windows,
  extra: readonly number[],
): Shape {
  if (x.type.shape.length !== 4) env.wrong("x", "images [n, channels, height, width]");
  if (weight.type.shape.length !== 4) env.wrong("weight", "[in, out / groups, kernel height, kernel width]");
  const [, outputs, ...kernel] = weight.type.shape as readonly number[];
  const [samples, , ...image] = x.type.shape;
  const sizes = image.map((size, i) => {
    const span = (Number(size) - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1;
    return span + extra[i] - p[i] - p[i + 2];
  });
  if (sizes.some((size) => size < 1)) env.wrong("padding", "one that leaves something of the image");
  return [samples, outputs * groups, ...sizes];
}

export const WINDOWS: readonly Builtin[] = [
  {
    name: "convolve2d",
    params: params("x: tensor, weight: tensor, stride, padding, dilation, groups: size, algorithm", {
      stride: 1,
      padding: 0,
      dilation: 1,
      groups: 1,
      algorithm: "auto",
    }),
    doc: "Cross-correlation of [n, channels, height, width] with [out, channels / groups, kernel height, kernel width]. `algorithm` is auto (the compiler's choice), direct, winograd2, winograd4 or winograd6.",
    run(env, { x, weight, stride, padding: around, dilation, groups, algorithm }) {
      const attrs = {
        stride: pair(env, stride, "stride"),
        padding: padding(env, around),
        dilation: pair(env, dilation, "dilation"),
        groups: groups as number,
      };
      const operands = [(x as Tensor).value, (weight as Tensor).value];
      const conv = env.b.op("conv2d", operands, attrs);
      const chosen = convAlgorithm(env, algorithm, conv);
      return tensor(chosen === "auto" ? conv : env.b.op("conv2d", operands, { ...attrs, algorithm: chosen }));
    },
  },
  {
    name: "convolve_transpose2d",
    params: params("x: tensor, weight: tensor, stride, padding, output_padding, dilation, groups: size", {
      stride: 1,
      padding: 0,
      output_padding: 0,
      dilation: 1,
      groups: 1,
    }),
    doc: "The transpose of convolve2d: [n, in, height, width] with a weight [in, out / groups, kernel height, kernel width]. The image of size (height − 1) · stride − 2 · padding + dilation · (kernel − 1) + output_padding + 1, of which the convolution makes one of x's size.",
    run(env, { x, weight, stride, padding: around, output_padding, dilation, groups }) {
      const attrs = {
        stride: pair(env, stride, "stride"),
        padding: padding(env, around),
        dilation: pair(env, dilation, "dilation"),
        groups: groups as number,
      };
      const operands = [(x as Tensor).value, (weight as Tensor).value];
      const shape = transposedShape(env, operands, attrs, padding(env, output_padding));
      return tensor(env.b.op("conv2d_grad_input", operands, { ...attrs, shape }));
    },
  },
  pooling(
    "window_max2d",
    "max_pool2d",
    "The largest element of each window; padding is −∞. The first largest takes the gradient.",
  ),
  pooling("window_sum2d", "sum_pool2d", "The sum of each window; padding is 0."),
];
