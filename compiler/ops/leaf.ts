/** The shape rule of the leaves that stand for a declared tensor. */
import type { Attrs, TensorType } from "../ir/graph.ts";
import { expectOperands, shapeAttr, stringAttr } from "./types.ts";

export function tensorLeaf(op: string): (inputs: readonly TensorType[], attrs: Attrs) => TensorType {
  return (inputs, attrs) => {
    expectOperands(op, inputs, 0);
    stringAttr(attrs, "name");
    return { dtype: "f32", shape: shapeAttr(attrs, "shape") };
  };
}
