/** What an evaluation adds up over its batches, in double precision. */
import type { ManifestTotal } from "./abi.ts";
import { floatsAt, type Memory } from "./memory.ts";

export class Totals {
  private samples = 0;
  private readonly all: { readonly total: ManifestTotal; readonly sum: Float64Array; readonly place: Floats }[];

  constructor(totals: readonly ManifestTotal[], memory: Memory) {
    this.all = totals.map((total) => {
      const place = floatsAt(memory, total.address, total.shape);
      const start = total.combine === "max" ? Number.NEGATIVE_INFINITY : 0;
      return { total, sum: new Float64Array(place.length).fill(start), place };
    });
  }

  /** Takes what the last call left for its batch of `n` samples. */
  add(n: number): void {
    this.samples += n;
    for (const { total, sum, place } of this.all) {
      for (let i = 0; i < sum.length; i++) {
        if (total.combine === "max") sum[i] = Math.max(sum[i], place[i]);
        else sum[i] += total.combine === "mean" ? place[i] * n : place[i];
      }
    }
  }

  /** Puts what all batches make together in the place of the last one's. */
  store(): void {
    for (const { total, sum, place } of this.all) {
      for (let i = 0; i < sum.length; i++) place[i] = total.combine === "mean" ? sum[i] / this.samples : sum[i];
    }
  }
}

type Floats = Float32Array | Float64Array;
