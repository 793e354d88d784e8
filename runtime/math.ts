/**
 * Elementary functions in float64 with the same bits on every machine: built from + − × ÷ √ and comparisons alone, which
 * IEEE 754 defines exactly; `Math.exp` and its kin differ between engines. Errors are below 1 ulp for exp, log, pow, sin and
 * cos (|x| < 1000), and at most 6 ulp for the rest.
 */

/** log 2 in two parts, the first with trailing zeros, so that k·LN2_HIGH is exact for |k| < 2^20. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const THIRD_LOW = 1.850371707708594e-17; // 1/3 − fl(1/3)

/** 2^k for |k| ≤ 1023, exactly; that of k is at k + 1023. */
const POWERS = powers(1023);
function powers(most: number): Float64Array {
  const table = new Float64Array(2 * most + 1).fill(1);
  for (let k = 1; k <= most; k++) {
    table[most + k] = table[most + k - 1] * 2;
    table[most - k] = table[most - k + 1] / 2;
  }
  return table;
}
function pow2(k: number): number {
  return POWERS[k + 1023];
}

/** x·2^k, in two steps, as k may exceed the range of one factor. */
function scale(x: number, k: number): number {
  const half = Math.trunc(k / 2);
  return x * pow2(half) * pow2(k - half);
}

/** e such that x = m·2^e with √½ ≤ m < √2; x positive and finite. */
function exponent(x: number): number {
  let e = 0;
  if (x < 1e-150) {
    x *= pow2(600);
    e = -600;
  }
  if (x < 1) {
    x *= pow2(511);
    e -= 511;
  }
  for (let p = 512; p >= 32; p /= 2) {
    if (x >= pow2(p)) {
      x *= pow2(-p);
      e += p;
    }
  }
  const bits = 31 - Math.clz32(x);
  return e + bits + (x * pow2(-bits) >= Math.SQRT2 ? 1 : 0);
}

/** e^(x + low), |low| far below |x|: x = k·log 2 + r, and Taylor's series of e^r for |r| ≤ ½ log 2. */
export function exp(x: number, low = 0): number {
  if (x > 709.8) return Infinity;
  if (x < -745.2) return 0;
  if (Number.isNaN(x)) return x;
  const k = Math.round(x / LN2_HIGH);
  const high = x - k * LN2_HIGH;
  const rest = low - k * LN2_LOW;
  const r = high + rest;
  let series = 1;
  for (let i = 15; i >= 3; i--) series = 1 + (r / i) * series;
  // high + rest is split again: the part of `rest` that rounding drops counts.
  return scale(1 + (high + (rest + (r * r * series) / 2)), k);
}

/** log(m·2^e) = e·log 2 + log(1 + f); with s = f/(2 + f): log(1 + f) = f − f²/2 + s·(f²/2 + 2s²/3 + 2s⁴/5 + …). */
export function log(x: number): number {
  if (x === 0) return -Infinity;
  if (!(x > 0) || x === Infinity) return x > 0 ? x : NaN;
  const e = exponent(x);
  const f = scale(x, -e) - 1;
  const s = f / (2 + f);
  const half = (f * f) / 2;
  const series = s * s * oddSeries(s * s, 3);
  return e * LN2_HIGH - (half - (s * (half + 2 * series) + e * LN2_LOW) - f);
}

/** 1/k + z/(k + 2) + z²/(k + 4) + …, for k = 3 or 5 and z ≤ (√2 − 1)²/(√2 + 1)² = 0.0295. */
function oddSeries(z: number, k: number): number {
  let sum = 0;
  for (let i = k + 22; i >= k; i -= 2) sum = sum * z + RECIPROCALS[i];
  return sum;
}
const RECIPROCALS = Float64Array.from({ length: 28 }, (_, i) => 1 / i);

/** a·b − p, for p = a·b rounded: exact (Dekker's product, with Veltkamp's splitting into 26-bit halves). */
function productError(a: number, b: number, p: number): number {
  const a1 = highHalf(a);
  const b1 = highHalf(b);
  const a2 = a - a1;
  const b2 = b - b1;
  return a2 * b2 - (p - a1 * b1 - a2 * b1 - a1 * b2);
}
function highHalf(a: number): number {
  const c = 134217729 * a; // 2^27 + 1
  return c - (c - a);
}

/** x^y as C's pow has it: x^0 = 1^y = 1, a negative base takes whole exponents. */
export function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  if (y === Infinity || y === -Infinity) {
    const size = Math.abs(x);
    return size === 1 ? 1 : size > 1 === y > 0 ? Infinity : 0;
  }
  if (x < 0 || Object.is(x, -0)) {
    if (y % 1 !== 0) return x === 0 || x === -Infinity ? pow(-x, y) : NaN;
    return y % 2 === 0 ? pow(-x, y) : -pow(-x, y);
  }
  if (x === 0 || x === Infinity) return (x === 0) === y > 0 ? 0 : Infinity;
  return powPositive(x, y);
}

/**
 * e^(y·log x) with the logarithm to about 100 bits, as pairs of numbers (Dekker):
 * log(m·2^e) = e·log 2 + 2s·(1 + s²·(1/3 + s²/5 + …)), s = (m − 1)/(m + 1).
 */
function powPositive(x: number, y: number): number {
  const e = exponent(x);
  const m = scale(x, -e);
  const f = m - 1;
  // s = f / (m + 1)
  const g = m + 1;
  const gLow = m - (g - 1);
  const s = f / g;
  const sg = s * g;
  const sLow = (f - sg - productError(s, g, sg) - s * gLow) / g;
  // z = s²
  const z = s * s;
  const zLow = productError(s, s, z) + 2 * s * sLow;
  // q = 1/3 + z/5 + …
  const tail = z * oddSeries(z, 5);
  const q = 1 / 3 + tail;
  const qLow = 1 / 3 - q + tail + THIRD_LOW;
  // w = 1 + z·q
  const zq = z * q;
  const w = 1 + zq;
  const wLow = 1 - w + zq + (productError(z, q, zq) + z * qLow + zLow * q);
  // log m = 2s·w
  const logM = 2 * s * w;
  const logLow = productError(2 * s, w, logM) + 2 * (s * wLow + sLow * w);
  // log x = e·log 2 + log m
  const eHigh = e * LN2_HIGH;
  const sum = eHigh + logM;
  const back = sum - eHigh;
  const sumLow = eHigh - (sum - back) + (logM - back) + logLow + e * LN2_LOW;
  const logX = sum + sumLow;
  const rest = sum - logX + sumLow;
  // |log x| ≥ 2^-53: an exponent this large decides alone, and would overflow the splitting.
  if (Math.abs(y) > 1e20) return logX > 0 === y > 0 ? Infinity : 0;
  const product = y * logX;
  return Math.abs(product) > 800 ? exp(product) : exp(product, productError(y, logX, product) + y * rest);
}

/** e^x − 1 without cancellation (W. Kahan: the errors of exp and log cancel). */
export function expm1(x: number): number {
  const u = exp(x);
  if (u === 1) return x;
  if (u === Infinity || u - 1 === -1) return u - 1;
  return ((u - 1) * x) / log(u);
}

/** log(1 + x) without cancellation (W. Kahan). */
export function log1p(x: number): number {
  const u = 1 + x;
  if (u === 1) return x;
  return u === Infinity ? u : (log(u) * x) / (u - 1);
}

export function tanh(x: number): number {
  if (x < 0) return -tanh(-x);
  if (x > 22) return 1;
  const t = expm1(-2 * x);
  return -t / (t + 2);
}

export function sigmoid(x: number): number {
  return 1 / (1 + exp(-x));
}

export function sin(x: number): number {
  return quarterTurns(x, 0);
}
export function cos(x: number): number {
  return quarterTurns(x, 1);
}

/**
 * sin(x + shift·π/2): x = k·π/2 + r with π/2 in three parts (Cody and Waite), then Taylor's series for |r| ≤ π/4.
 * From |x| = 2^20 on the absolute error grows as 2^-54·|x|.
 */
function quarterTurns(x: number, shift: number): number {
  if (!Number.isFinite(x)) return NaN;
  const turns = Math.abs(x) < 1048576 ? x : x % 6.283185307179586;
  const k = Math.round(turns / 1.5707963267948966);
  const first = turns - k * 1.5707963267341256;
  const second = k * 6.077100506303966e-11;
  const r = first - second;
  const low = first - r - second - k * 2.0222662487959506e-21;
  const quadrant = (((k + shift) % 4) + 4) % 4;
  const value = quadrant % 2 === 0 ? taylor(r, low, 1) : taylor(r, low, 0);
  return quadrant >= 2 ? -value : value;
}

/** sin(r + low) (`odd` = 1) or cos(r + low) (0): 1 − r²/((o+1)(o+2))·(1 − r²/((o+3)(o+4))·(…)), times r for the sine. */
function taylor(r: number, low: number, odd: number): number {
  const z = r * r;
  let series = 1;
  for (let i = 8; i >= 2; i--) series = 1 - (series * z) / ((2 * i + odd) * (2 * i - 1 + odd));
  if (odd === 1) return r + (low * (1 - z / 2) - (r * z * series) / 6);
  const half = z / 2;
  const one = 1 - half;
  // cos = 1 − z/2 + z²/24·…: what rounding drops from 1 − z/2 is added to the small terms.
  let small = 1;
  for (let i = 8; i >= 3; i--) small = 1 - (small * z) / (2 * i * (2 * i - 1));
  return one + (1 - one - half + ((z * z * small) / 24 - r * low));
}

/** 2/√π ∫₀ˣ e^(−t²) dt: a series of positive terms below 3, from there 1 − the continued fraction of erfc. */
export function erf(x: number): number {
  if (x < 0) return -erf(-x);
  if (x > 6) return 1;
  const z = x * x;
  if (x < 3) {
    let series = 1;
    for (let k = 60; k >= 1; k--) series = 1 + (series * 2 * z) / (2 * k + 1);
    return 1.1283791670955126 * x * exp(-z) * series;
  }
  let fraction = x;
  for (let k = 60; k >= 1; k--) fraction = x + k / 2 / fraction;
  return 1 - (0.5641895835477563 * exp(-z)) / fraction;
}

/** The inverse of erf, within 5e-7 (M. Giles, "Approximating the erfinv function", GPU Computing Gems, 2010). */
export function erfinv(x: number): number {
  const w = -log((1 - x) * (1 + x));
  const near = w < 5;
  const z = near ? w - 2.5 : Math.sqrt(w) - 3;
  return x * (near ? ERFINV_NEAR : ERFINV_FAR).reduce((sum, c) => sum * z + c, 0);
}
const ERFINV_NEAR = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];
const ERFINV_FAR = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];
