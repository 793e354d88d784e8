/**
 * Host scalars: rank-0 values made of constants and `host` leaves by elementwise operations. The runtime computes them in
 * float64 before each call, so kernels read `lr / (1 - beta1^t)` as one number.
 */
import type { HostExpr } from "../../runtime/abi.ts";
import type { Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";

/** A host expression is written out as a tree; a value whose tree has more nodes is computed by a kernel. */
const MOST_NODES = 1000;

export function isHost(value: Value): boolean {
  const sizes = new Map<Value, number>();
  const stack = [value];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const open = top.inputs.filter((input) => !sizes.has(input));
    if (!isScalarStep(top)) return false;
    if (open.length > 0) {
      stack.push(...open);
      continue;
    }
    stack.pop();
    const size = top.inputs.reduce((nodes, input) => nodes + sizes.get(input)!, 1);
    if (size > MOST_NODES) return false;
    sizes.set(top, size);
  }
  return true;
}

function isScalarStep({ op, type }: Value): boolean {
  // A relayout is where a value is stored for the caller: by a kernel.
  if (type.shape.length > 0 || op === "relayout") return false;
  return op === "const" || op === "host" || opNamed(op).category === "elementwise";
}

/** The expression of a value that `isHost`. */
export function hostExpr(value: Value): HostExpr {
  if (value.op === "const") return value.attrs.value as number | string;
  if (value.op === "host") return value.attrs.name as string;
  return [value.op, ...value.inputs.map(hostExpr)];
}
