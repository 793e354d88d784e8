/** How near mlc's float32 losses must be to PyTorch's float64 ones, by optimizer: [steps from 1, relative]. */
const TOLERANCES: Readonly<Record<string, readonly (readonly [steps: number, relative: number])[]>> = {
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

/**
 * L1's gradient and Adam's first steps are both near to signs, so one arg-max of a pool that rounding turns over soon shows:
 * of six sets of initial weights, PyTorch's own float32 is within 5e-4 of its float64 over 20 steps for three.
 */
const L1_ADAM: (typeof TOLERANCES)[string] = [
  [20, 3e-3],
  [157, 5e-2],
];

export function tolerancesOf(golden: { name: string; losses: readonly number[] }): (typeof TOLERANCES)[string] {
  const list = golden.name === "l1/adam" ? L1_ADAM : TOLERANCES[golden.name.split("/")[1]];
  return list.filter(([upTo], i) => i === 0 || upTo <= golden.losses.length);
}

/** Of the sums of an epoch's losses, with `sgd_0.01`, over 10 epochs. */
export const EPOCH_SUM = 1e-3;

/** Of the first 3 losses in the float64 JavaScript backend. */
export const FLOAT64 = 1e-9;
