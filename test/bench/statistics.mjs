/** Medians and spreads of measured times. */

const sorted = (values) => [...values].sort((a, b) => a - b);

/** The value at this fraction of the sorted list, interpolated. */
export function quantile(values, fraction) {
  const list = sorted(values);
  const at = fraction * (list.length - 1);
  const low = Math.floor(at);
  return list[low] + (at - low) * ((list[low + 1] ?? list[low]) - list[low]);
}

export const median = (values) => quantile(values, 0.5);

/** Rounded to 4 significant digits, for reports. */
export const round = (value) => Number(value.toPrecision(4));

/** Of milliseconds: the median, the quartiles, the extremes. */
export function summary(values) {
  const at = (fraction) => round(quantile(values, fraction));
  return { median: at(0.5), quartiles: [at(0.25), at(0.75)], min: at(0), max: at(1), samples: values.length };
}
