/** The kernel template of each operation that anchors a group. */
import type { Template } from "../group-context.ts";
import { conv2d } from "./conv.ts";
import { groupedConv2d, groupedGradInput, groupedGradWeight } from "./conv-grouped.ts";
import { convWeight } from "./conv-weight.ts";
import { dynamicPad, dynamicSlice } from "./dynamic.ts";
import { map } from "./map.ts";
import { contractRows, matmul } from "./matmul.ts";
import { maxPool, maxPoolGather, sumPool, unpool } from "./pool.ts";
import { concat, pad, reshape } from "./rearrange.ts";
import { argmax, reduce } from "./reduce.ts";
import { gatherRows, scatterRows } from "./rows.ts";
import { softmax } from "./softmax.ts";
import { tile, untile } from "./tiles.ts";

/** Convolutions without groups have register-tiled kernels; the others follow the definition. */
const byGroups =
  (tiled: Template, grouped: Template): Template =>
  (ctx) =>
    (ctx.group.anchor!.attrs.groups === 1 ? tiled : grouped)(ctx);

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
  conv2d: byGroups(conv2d, groupedConv2d),
  conv2d_grad_input: groupedGradInput,
  conv2d_grad_weight: byGroups(convWeight, groupedGradWeight),
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
