/** `count` orthonormal vectors of `length` ≥ `count` from as many samples; evenly distributed if these are normal. */
export function orthonormal(count: number, length: number, samples: Float64Array): Float64Array[] {
  const vectors: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const v = samples.slice(i * length, (i + 1) * length);
    // Gram and Schmidt; the second time takes off what rounding left ("twice is enough", W. Kahan).
    for (let time = 0; time < 2; time++) for (const u of vectors) subtract(v, u, dot(u, v));
    const norm = Math.sqrt(dot(v, v));
    vectors.push(v.map((value) => value / norm));
  }
  return vectors;
}

function dot(u: Float64Array, v: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < u.length; i++) sum += u[i] * v[i];
  return sum;
}

function subtract(v: Float64Array, u: Float64Array, factor: number): void {
  for (let i = 0; i < v.length; i++) v[i] -= factor * u[i];
}
