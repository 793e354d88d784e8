/** Matrix product and transposition. */
import { ShapeError } from "../../diagnostics.ts";
import type { Builder } from "../../ir/builder.ts";
import { showType, type Tensor, tensor } from "../values.ts";
import { type Builtin, params } from "./builtin.ts";

/** `a @ b`: [.., m, k] × [.., k, n]; to a matrix on the right, all axes of the left operand but its last are rows. */
export function matmul(b: Builder, x: Tensor, y: Tensor): Tensor {
  const [left, right] = [b.cast(x.value, "f32"), b.cast(y.value, "f32")];
  const [a, c] = [left.type.shape, right.type.shape];
  if (a.length < 2 || c.length < 2) {
    throw new ShapeError(`\`@\` multiplies matrices, found ${showType(left.type)} @ ${showType(right.type)}`);
  }
  return tensor(b.matmul(left, right));
}

export const LINEAR_ALGEBRA: readonly Builtin[] = [
  {
    name: "transpose",
    params: params("x: tensor, axes: list | reverse", { axes: "reverse" }),
    doc: "The axes in another order: axis i of the result is axis `axes[i]` of x. Without `axes`, reversed: the transpose of a matrix.",
    run(env, { x, axes }) {
      const { value } = x as Tensor;
      const rank = value.type.shape.length;
      const reversed = Array.from({ length: rank }, (_, i) => rank - 1 - i);
      const perm = axes === "reverse" ? reversed : (axes as readonly number[]);
      const valid = reversed.every((axis) => perm.includes(axis)) && perm.length === rank;
      if (!valid) env.wrong("axes", `each of the ${rank} axes once`);
      return tensor(env.b.transpose(value, perm));
    },
  },
];
