/**
 * Reads a stored value from one end to the other, a word of each cache line, so that it is in the cache when a kernel reads it
 * in an order that the hardware doesn't foresee: patches of an image come from many rows at once.
 */
import type { Value } from "../../ir/graph.ts";
import { count, elementsOf, type GroupContext } from "../group-context.ts";
import { affine } from "../kernel-builder.ts";

const CACHE_LINE_ELEMENTS = 16;

export function prefetch({ k, memory, scratch }: GroupContext, value: Value): void {
  const { buffer, layout } = memory.source(value)!;
  const sum = k.variable(k.e.const(0), "sum");
  k.for("i", 0, count(k, elementsOf(layout)), CACHE_LINE_ELEMENTS, (i) => {
    k.set(sum, k.e.add(k.e.local(sum), { k: "load", ty: "f32", buffer, at: affine(0, [i, 1]), stride: 0 }));
  });
  // Reading that has no effect would be taken out.
  k.add({ k: "store", buffer: scratch(1), at: affine(), value: k.e.local(sum), stride: 0 });
}
