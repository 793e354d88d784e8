import { Stream } from "./philox.ts";

/** A permutation of 0 … length − 1 by Fisher and Yates: a function of the seed and the epoch alone. */
export function permutation(length: number, seed: number, epoch: number): Uint32Array {
  const stream = new Stream(seed, `shuffle ${epoch}`);
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(stream.uniform(i) * (i + 1));
    const moved = order[i];
    order[i] = order[j];
    order[j] = moved;
  }
  return order;
}
