/** The kernel template of each operation that anchors a group. */
import { isDepthwise } from "../../3-passes/taps.ts";
import type { Template } from "../group-context.ts";
import { contractRows } from "./contract-rows.ts";
import { conv2d } from "./conv.ts";
import { depthwise, depthwiseWeight } from "./conv-depthwise.ts";
import { convWeight } from "./conv-weight.ts";
import { dynamicPad, dynamicSlice } from "./dynamic.ts";
import { map } from "./map.ts";
import { matmul } from "./matmul.ts";
import { maxPool, maxPoolGather, sumPool, unpool } from "./pool.ts";
import { concat, pad, reshape } from "./rearrange.ts";
import { argmax, reduce } from "./reduce.ts";
import { gatherRows, scatterRows } from "./rows.ts";
import { softmax } from "./softmax.ts";
import { tile, untile } from "./tiles.ts";

const either =
  (depthwise: Template, others: Template): Template =>
  (ctx) =>
    (isDepthwise(ctx.group.anchor!) ? depthwise : others)(ctx);

const templates: Readonly<Record<string, Template>> = {
  sum: reduce,
  max: reduce,
  argmax,
  matmul,
  contract_rows: contractRows,
  gather_rows: gatherRows,
  scatter_rows: scatterRows,
  tile,
  untile,
  conv2d: either(depthwise, conv2d),
  conv2d_grad_input: either(depthwise, conv2d),
  conv2d_grad_weight: either(depthwiseWeight, convWeight),
  max_pool2d: maxPool,
  max_pool2d_index: maxPool,
  max_pool2d_gather: maxPoolGather,
  max_unpool2d: unpool,
  sum_pool2d: sumPool,
  sum_unpool2d: unpool,
  softmax,
  log_softmax: softmax,
  pad,
  concat,
  reshape,
  dynamic_slice: dynamicSlice,
  dynamic_pad: dynamicPad,
};

export function templateOf(op: string | null): Template {
  return op === null ? map : templates[op];
}
