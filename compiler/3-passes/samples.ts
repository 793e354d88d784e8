/** What an operation does across the samples of a batch: the question that decides what may run a few samples at a time. */
import { topological, type Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import { isDepthwise } from "./taps.ts";

/**
 * - `apart`: each sample of the result depends on the same sample of the operands alone (or the operation knows no samples);
 * - `summed`: the result is a sum over samples, so that it may be added up block by block;
 * - `mixed`: anything else.
 */
export type AcrossSamples = "apart" | "summed" | "mixed";

/** The axis of the samples, or −1. */
export const samplesAxis = (value: Value): number => value.type.shape.indexOf("n");

/**
 * How many times each value's history has mixed samples: values of one depth can be made for a few samples at a time, one of a
 * greater depth only after all samples have come to the mixing.
 */
export function mixingDepths(all: Iterable<Value>): Map<Value, number> {
  const depths = new Map<Value, number>();
  for (const value of topological(all)) {
    const before = value.inputs.reduce((most, input) => Math.max(most, depths.get(input)!), 0);
    depths.set(value, before + (acrossSamples(value) === "apart" ? 0 : 1));
  }
  return depths;
}

/** Sample by sample, for operands whose first axis are the samples. */
const IMAGE_OPS = new Set([
  "conv2d",
  "conv2d_grad_input",
  "max_pool2d",
  "max_pool2d_index",
  "max_unpool2d",
  "max_pool2d_gather",
  "sum_pool2d",
  "sum_unpool2d",
  "tile",
  "untile",
]);

export function acrossSamples(value: Value): AcrossSamples {
  const axis = samplesAxis(value);
  const axes = value.inputs.map(samplesAxis);
  if (axis < 0 && axes.every((a) => a < 0)) return "apart";
  const apart = (yes: boolean): AcrossSamples => (yes ? "apart" : "mixed");
  const { attrs } = value;
  const [first] = axes;
  if (IMAGE_OPS.has(value.op)) return apart(axis >= 0);
  switch (value.op) {
    case "sum":
      return (attrs.axes as number[]).includes(first) ? "summed" : "apart";
    case "max":
      return apart(!(attrs.axes as number[]).includes(first));
    case "argmax":
    case "softmax":
    case "log_softmax":
      return apart(attrs.axis !== first);
    case "matmul": {
      const depth = value.inputs[0].type.shape.length - 1;
      return first === depth ? "summed" : "apart";
    }
    case "contract_rows":
      return first >= (attrs.batch as number) ? "summed" : "apart";
    case "conv2d_grad_weight":
      return attrs.groups === 1 || isDepthwise(value) ? "summed" : "mixed";
    case "gather_rows":
      return apart(axes[0] < 0);
    case "scatter_rows":
      return first === 0 && axes[1] === 0 ? "summed" : "mixed";
    case "dynamic_slice":
    case "dynamic_pad":
      return apart(axes.every((a) => a === 0) && axis === 0);
    case "reverse":
      return apart(!(attrs.axes as number[]).includes(first));
    case "slice":
      return apart((attrs.strides as number[])[first] === 1 && (attrs.starts as number[])[first] === 0);
    case "pad":
      return apart(["low", "high", "interior"].every((side) => ((attrs[side] ?? []) as number[])[first] === 0));
    case "concat":
    case "iota":
      return apart(attrs.axis !== axis);
    case "reshape":
      return apart(first === 0 && axis === 0);
    case "random_uniform":
      return apart(axis === 0);
    case "broadcast":
    case "transpose":
    case "one_hot":
      return "apart";
  }
  const { category } = opNamed(value.op);
  return apart(category === "elementwise" || category === "leaf");
}
