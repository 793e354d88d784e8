/** [steps from 1, relative] */
type Tolerance = readonly [steps: number, relative: number];

/** How near the losses of float32 must be to PyTorch's float64 ones, with `numerics = strict`, by optimizer. */
const STRICT: Readonly<Record<string, readonly Tolerance[]>> = {
  "sgd_0.1": [[20, 1e-4]],
  nesterov: [
    [50, 5e-4],
    [157, 2e-2],
  ],
  adam: [
    [20, 5e-4],
    [157, 2e-2],
  ],
  "sgd_0.01": [[157, 1e-4]],
};

/** With `numerics = fast`. */
const FAST: typeof STRICT = { "sgd_0.1": [[20, 1e-3]] };

export function tolerancesOf(
  golden: { readonly name: string; readonly losses: readonly number[] },
  numerics: "strict" | "fast",
): readonly Tolerance[] {
  const list = { strict: STRICT, fast: FAST }[numerics][golden.name.split("/")[1]] ?? [];
  return list.filter(([upTo], i) => i === 0 || upTo <= golden.losses.length);
}

/** Of the sums of an epoch's losses, with `sgd_0.01`, over 10 epochs. */
export const EPOCH_SUM = 1e-3;

/** Of the first 3 losses in the float64 JavaScript backend. */
export const FLOAT64 = 1e-9;
