/** A full batch of noise for any model: times do not depend on the values, as long as they are finite. */
import type { Columns, Manifest } from "../../../runtime/index.ts";

export function noise({ inputs, batch }: Manifest): Columns {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const columns = inputs.map(({ name, dtype, shape, classes = 2 }) => {
    const length = shape.reduce((size, dim) => size * dim, batch);
    const values =
      dtype === "i32"
        ? Int32Array.from({ length }, () => Math.floor(random() * classes))
        : Float32Array.from({ length }, random);
    return [name, values] as const;
  });
  return Object.fromEntries(columns);
}
