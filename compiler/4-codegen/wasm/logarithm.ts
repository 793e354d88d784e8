/** log and log1p for 4 lanes of f32. Coefficients from Cephes (logf.c). */
import type { Rule, Vec, VectorCode } from "./vector-code.ts";

const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005e-4;
const SQRT_HALF_BITS = 0x3f3504f3;
const MANTISSA = 0x007fffff;
const SMALLEST_NORMAL = 2 ** -126;

/** (ln(1 + f) - f + f²/2) / f³ for 1 + f in [√½, √2]. */
const LOG_TAIL = [
  ...[7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1],
  ...[2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1],
];

/** ln(2^k (1 + f)) + correction. log keeps to Horner's rule: each bit of it is in every cross-entropy's course of training. */
function combine(v: VectorCode, f: Vec, k: Vec, correction: Vec, rule: Rule): Vec {
  const square = v.let(v.mul(f, f));
  const tail = v.mul(v.mul(v[rule](f, LOG_TAIL), square), f);
  const low = v.add(tail, v.add(v.mul(k, v.f32(LN2_LOW)), correction));
  const small = v.sub(low, v.mul(square, v.f32(0.5)));
  return v.add(v.add(f, small), v.mul(k, v.f32(LN2_HIGH)));
}

/** x = 2^k m with m in [√½, √2), for positive normal x; k as bits of an i32. */
function split(v: VectorCode, x: Vec): { m: Vec; k: Vec } {
  const bits = v.let(v.op("i32x4.sub", x, v.i32(SQRT_HALF_BITS)));
  const m = v.op("i32x4.add", v.and(bits, v.i32(MANTISSA)), v.i32(SQRT_HALF_BITS));
  return { m, k: v.shift("i32x4.shr_s", bits, 23) };
}

/** -infinity at 0, NaN below; infinity and NaN stay. */
function special(v: VectorCode, x: Vec, result: Vec): Vec {
  const positive = v.select(v.lt(x, v.f32(Number.POSITIVE_INFINITY)), result, x);
  const zero = v.select(v.op("f32x4.eq", x, v.f32(0)), v.f32(Number.NEGATIVE_INFINITY), positive);
  return v.select(v.lt(x, v.f32(0)), v.f32(Number.NaN), zero);
}

export function log(v: VectorCode, x: Vec): Vec {
  const denormal = v.let(v.lt(x, v.f32(SMALLEST_NORMAL)));
  const { m, k } = split(v, v.select(denormal, v.mul(x, v.f32(2 ** 23)), x));
  const exponent = v.op("f32x4.convert_i32x4_s", k);
  const adjusted = v.let(v.sub(exponent, v.and(denormal, v.f32(23))));
  const f = v.let(v.sub(m, v.f32(1)));
  return special(v, x, combine(v, f, adjusted, v.f32(0), "polynomial"));
}

/**
 * ln(1 + x) = ln u + c / u, where u is 1 + x rounded, and c what rounding took. While u is in [√½, √2), 1 + f is 1 + x
 * itself, and nothing is lost.
 */
export function log1p(v: VectorCode, x: Vec): Vec {
  const one = v.f32(1);
  const u = v.let(v.add(one, x));
  const { m, k } = split(v, u);
  const exponent = v.let(v.op("f32x4.convert_i32x4_s", k));
  const exact = v.let(v.op("f32x4.eq", exponent, v.f32(0)));
  const lost = v.select(v.lt(x, one), v.sub(x, v.sub(u, one)), v.sub(one, v.sub(u, x)));
  const correction = v.let(v.op("v128.andnot", v.div(lost, u), exact));
  const f = v.let(v.select(exact, x, v.sub(m, one)));
  const result = v.let(special(v, u, combine(v, f, exponent, correction, "polynomialInPairs")));
  return v.select(v.lt(v.abs(x), v.f32(2 ** -25)), x, result);
}
