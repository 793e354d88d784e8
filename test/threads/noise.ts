import type { Columns, Manifest } from "../../runtime/index.ts";

/** Random samples for a model, the same for the same seed. */
export function noise({ inputs }: Manifest, samples: number, seed: number): Columns {
  let state = seed + 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const columns = inputs.map(({ name, dtype, shape, classes = 10 }) => {
    const length = shape.reduce((size, dim) => size * dim, samples);
    const values =
      dtype === "i32"
        ? Int32Array.from({ length }, () => Math.floor(random() * classes))
        : Float32Array.from({ length }, () => random() - 0.5);
    return [name, values] as const;
  });
  return Object.fromEntries(columns);
}
