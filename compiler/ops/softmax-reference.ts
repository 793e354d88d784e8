/** ln Σ e^x along an axis by max-shift, for the references of softmax and log_softmax. */
import type { Tensor } from "./op.ts";
import { lines, zeros } from "./tensor.ts";

/** Calls f(x, logSumExp of its line) for each element. */
export function alongLines(x: Tensor, axis: number, f: (x: number, logSumExp: number) => number): Tensor {
  const out = zeros(x.shape);
  lines(x.shape, axis, (start, stride, count) => {
    const at = (i: number) => start + i * stride;
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) largest = Math.max(largest, x.data[at(i)]);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.exp(x.data[at(i)] - largest);
    const logSumExp = largest + Math.log(sum);
    for (let i = 0; i < count; i++) out.data[at(i)] = f(x.data[at(i)], logSumExp);
  });
  return out;
}
