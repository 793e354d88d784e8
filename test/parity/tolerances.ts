/** How near mlc's float32 losses must be to PyTorch's float64 ones, by optimizer: [steps from 1, relative]. */
export const TOLERANCES: Readonly<Record<string, readonly (readonly [steps: number, relative: number])[]>> = {
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

/** Of the sums of an epoch's losses, with `sgd_0.01`, over 10 epochs. */
export const EPOCH_SUM = 1e-3;

/** Of the first 3 losses in the float64 JavaScript backend. */
export const FLOAT64 = 1e-9;
