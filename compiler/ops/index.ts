/** The primitives. To add one: a file beside this one, and a line here. */
import { abs } from "./abs.ts";
import { add } from "./add.ts";
import { and } from "./and.ts";
import { argmax } from "./argmax.ts";
import { broadcast } from "./broadcast.ts";
import { buffer } from "./buffer.ts";
import { cast } from "./cast.ts";
import { concat } from "./concat.ts";
import { constant } from "./const.ts";
import { contractRows } from "./contract_rows.ts";
import { conv2d } from "./conv2d.ts";
import { conv2dGradInput } from "./conv2d_grad_input.ts";
import { conv2dGradWeight } from "./conv2d_grad_weight.ts";
import { cos } from "./cos.ts";
import { div } from "./div.ts";
import { dynamicPad } from "./dynamic_pad.ts";
import { dynamicSlice } from "./dynamic_slice.ts";
import { eq } from "./eq.ts";
import { erf } from "./erf.ts";
import { exp } from "./exp.ts";
import { expm1 } from "./expm1.ts";
import { floor } from "./floor.ts";
import { gatherRows } from "./gather_rows.ts";
import { ge } from "./ge.ts";
import { grad } from "./grad.ts";
import { gt } from "./gt.ts";
import { host } from "./host.ts";
import { input } from "./input.ts";
import { iota } from "./iota.ts";
import { le } from "./le.ts";
import { log } from "./log.ts";
import { logSoftmax } from "./log_softmax.ts";
import { log1p } from "./log1p.ts";
import { lt } from "./lt.ts";
import { matmul } from "./matmul.ts";
import { max } from "./max.ts";
import { maxPool2d } from "./max_pool2d.ts";
import { maxPool2dGather } from "./max_pool2d_gather.ts";
import { maxPool2dIndex } from "./max_pool2d_index.ts";
import { maxUnpool2d } from "./max_unpool2d.ts";
import { maximum } from "./maximum.ts";
import { minimum } from "./minimum.ts";
import { mul } from "./mul.ts";
import { ne } from "./ne.ts";
import { neg } from "./neg.ts";
import { not } from "./not.ts";
import { oneHot } from "./one_hot.ts";
import type { OpDef } from "./op.ts";
import { or } from "./or.ts";
import { packed } from "./packed.ts";
import { pad } from "./pad.ts";
import { param } from "./param.ts";
import { pow } from "./pow.ts";
import { randomUniform } from "./random_uniform.ts";
import { relayout } from "./relayout.ts";
import { reshape } from "./reshape.ts";
import { reverse } from "./reverse.ts";
import { scatterRows } from "./scatter_rows.ts";
import { sigmoid } from "./sigmoid.ts";
import { sign } from "./sign.ts";
import { sin } from "./sin.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { sqrt } from "./sqrt.ts";
import { state } from "./state.ts";
import { stopGradient } from "./stop_gradient.ts";
import { sub } from "./sub.ts";
import { sum } from "./sum.ts";
import { sumPool2d } from "./sum_pool2d.ts";
import { sumUnpool2d } from "./sum_unpool2d.ts";
import { tanh } from "./tanh.ts";
import { tile } from "./tile.ts";
import { total } from "./total.ts";
import { transpose } from "./transpose.ts";
import { untile } from "./untile.ts";
import { where } from "./where.ts";

export const ops: readonly OpDef[] = [
  // leaves
  input,
  param,
  buffer,
  state,
  total,
  packed,
  constant,
  host,
  grad,
  // elementwise, one operand
  neg,
  abs,
  sign,
  exp,
  log,
  log1p,
  expm1,
  sqrt,
  sin,
  cos,
  tanh,
  sigmoid,
  erf,
  floor,
  not,
  cast,
  stopGradient,
  // elementwise
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  and,
  or,
  where,
  // views
  broadcast,
  reshape,
  transpose,
  reverse,
  slice,
  pad,
  concat,
  // placement in memory
  relayout,
  // computed from the index
  iota,
  oneHot,
  randomUniform,
  // reductions
  sum,
  max,
  argmax,
  // kernels
  matmul,
  contractRows,
  conv2d,
  conv2dGradInput,
  conv2dGradWeight,
  maxPool2d,
  maxPool2dIndex,
  maxUnpool2d,
  maxPool2dGather,
  sumPool2d,
  sumUnpool2d,
  dynamicSlice,
  dynamicPad,
  softmax,
  logSoftmax,
  gatherRows,
  scatterRows,
  tile,
  untile,
];

const byName: ReadonlyMap<string, OpDef> = new Map(ops.map((op) => [op.name, op]));

export function opNamed(name: string): OpDef {
  const op = byName.get(name);
  if (!op) throw new Error(`there is no primitive "${name}"`);
  return op;
}
