/**
 * A full batch of noise for any model, in bytes where the model's data come as such: times do not depend on the values, as long as
 * they are finite.
 */
import type { Columns, Manifest } from "../../../runtime/index.ts";

export function noise({ inputs, batch, data }: Manifest): Columns {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const columns = inputs.map(({ name, dtype, shape, classes = 2, bytes }) => {
    const length = shape.reduce((size, dim) => size * dim, batch);
    const whole = (below: number) => Math.floor(random() * below);
    if (dtype === "i32") return [name, Int32Array.from({ length }, () => whole(classes))] as const;
    if (bytes && data) return [name, Uint8Array.from({ length }, () => whole(256))] as const;
    return [name, Float32Array.from({ length }, random)] as const;
  });
  return Object.fromEntries(columns);
}
