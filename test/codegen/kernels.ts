/** Small kernels for tests. */
import type { BinaryOp, Buffer, Expr, Kernel, Local, Ty, UnaryOp } from "../../compiler/ir/loops.ts";

/** y[i] = f(x[i], …) for i < size, in vectors of 4 or in scalars; f makes the expression from the loaded operands. */
export function mapKernel(
  operands: number,
  size: number,
  vector: boolean,
  f: (...args: Expr[]) => Expr,
): { kernel: Kernel; inputs: Buffer[]; output: Buffer } {
  const inputs = Array.from({ length: operands }, (_, i): Buffer => ({ name: `x${i}`, elem: "f32" }));
  const output: Buffer = { name: "y", elem: "f32" };
  const n: Local = { name: "n", ty: "i32" };
  const i: Local = { name: "i", ty: "i32" };
  const ty: Ty = vector ? "f32x4" : "f32";
  const at = { base: 0, terms: [{ v: i, by: 1 }] };
  const args = inputs.map((buffer): Expr => ({ k: "load", ty, buffer, at, stride: 1 }));
  const bound = (value: number): Expr => ({ k: "const", ty: "i32", value });
  const kernel: Kernel = {
    name: "map",
    buffers: [...inputs, output],
    n,
    body: [
      {
        ...{ k: "for", v: i, from: bound(0), to: bound(size), step: vector ? 4 : 1 },
        body: [{ k: "store", buffer: output, at, value: f(...args), stride: 1 }],
      },
    ],
  };
  return { kernel, inputs, output };
}

export const unaryOf =
  (op: UnaryOp) =>
  (a: Expr): Expr => ({ k: "unary", ty: a.ty, op, a });
export const binaryOf =
  (op: BinaryOp) =>
  (a: Expr, b: Expr): Expr => ({ k: "binary", ty: a.ty, op, a, b });
