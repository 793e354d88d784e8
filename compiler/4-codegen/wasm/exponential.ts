/** exp and what is made of it, for 4 lanes of f32. Coefficients from Cephes (expf.c, tanhf.c) and N. Juffa's erff. */
import type { Rule, Vec, VectorCode } from "./vector-code.ts";

/** ln 2 in two parts; the product of the first with a whole number below 2^15 is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005e-4;
/** 1.5·2^23: adding it rounds to a whole number, which then is in the lower bits. */
const ROUNDER = 12582912;
const ROUNDER_BITS = 0x4b400000;

/** (e^r - 1 - r) / r² for |r| <= ln 2 / 2. */
const EXP_TAIL = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];

/** x = r + n ln 2, with |r| at most half of ln 2. */
interface Reduced {
  /** e^r - 1 */
  readonly fraction: Vec;
  /** n + ROUNDER_BITS, as integers. */
  readonly shifted: Vec;
}

function reduce(v: VectorCode, x: Vec, rule: Rule): Reduced {
  const shifted = v.let(v.add(v.mul(x, v.f32(Math.LOG2E)), v.f32(ROUNDER)));
  const n = v.let(v.sub(shifted, v.f32(ROUNDER)));
  const r = v.let(v.sub(v.sub(x, v.mul(n, v.f32(LN2_HIGH))), v.mul(n, v.f32(LN2_LOW))));
  return { fraction: v.let(v.add(v.mul(v[rule](r, EXP_TAIL), v.mul(r, r)), r)), shifted };
}

/** 2^n from n + 127. */
const powerOf2 = (v: VectorCode, biased: Vec): Vec => v.shift("i32x4.shl", biased, 23);

interface Scaled {
  /** e^r - 1 */
  readonly fraction: Vec;
  /** 2^a and 2^b with x = r + (a + b) ln 2. Two factors, as one may overflow where the result does not. */
  readonly scales: readonly [Vec, Vec];
  /** 2^-b */
  readonly inverse: Vec;
}

/** Of any x: beyond [-104, 89], e^x is 0 or infinite in f32, as it is at the bounds. NaN stays. */
function scaled(v: VectorCode, x: Vec, rule: Rule): Scaled {
  const bounded = v.let(v.op("f32x4.pmin", v.op("f32x4.pmax", x, v.f32(-104)), v.f32(89)));
  const { fraction, shifted } = reduce(v, bounded, rule);
  // The biased exponents of 2^a and 2^b add up to n + 254.
  const exponents = v.let(v.op("i32x4.sub", shifted, v.i32(ROUNDER_BITS - 254)));
  const first = v.let(v.shift("i32x4.shr_u", exponents, 1));
  const second = v.let(v.op("i32x4.sub", exponents, first));
  const inverse = powerOf2(v, v.op("i32x4.sub", v.i32(254), second));
  return { fraction, scales: [powerOf2(v, first), powerOf2(v, second)], inverse };
}

/** e^x; <= 1 ulp, denormal results included. */
export const exp = (v: VectorCode, x: Vec): Vec => power(v, x, "polynomial");

/** e^x as a part of other functions, by Estrin's rule. */
const expWithin = (v: VectorCode, x: Vec): Vec => power(v, x, "polynomialInPairs");

/** e^x by one factor, for |x| <= 87: the result is a normal number. NaN stays. */
function expOfModest(v: VectorCode, x: Vec): Vec {
  const { fraction, shifted } = reduce(v, x, "polynomialInPairs");
  return v.mul(v.add(fraction, v.f32(1)), powerOf2(v, v.op("i32x4.sub", shifted, v.i32(ROUNDER_BITS - 127))));
}

function power(v: VectorCode, x: Vec, rule: Rule): Vec {
  const { fraction, scales } = scaled(v, x, rule);
  return v.mul(v.mul(v.add(fraction, v.f32(1)), scales[0]), scales[1]);
}

/** e^x - 1 = 2^b (2^a (e^r - 1) + (2^a - 2^-b)); <= 1.6 ulp. */
export function expm1(v: VectorCode, x: Vec): Vec {
  const { fraction, scales, inverse } = scaled(v, x, "polynomial");
  const a = v.let(scales[0]);
  const result = v.mul(v.add(v.mul(fraction, a), v.sub(a, inverse)), scales[1]);
  return v.select(v.lt(v.abs(x), v.f32(2 ** -25)), x, result);
}

/** The sign of `x` on a number that is not negative. */
function withSign(v: VectorCode, magnitude: Vec, x: Vec): Vec {
  return v.or(magnitude, v.and(x, v.i32(0x80000000)));
}

/** (tanh x - x) / x³ as a polynomial in x², for |x| < 0.625. */
const TANH_TAIL = [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1];

/** Near 0 a polynomial, else 1 - 2 / (e^2|x| + 1), which from |x| = 10 on is 1; <= 1.3 ulp. */
export function tanh(v: VectorCode, x: Vec): Vec {
  const square = v.let(v.mul(x, x));
  const near = v.let(v.add(v.mul(v.mul(v.polynomialInPairs(square, TANH_TAIL), square), x), x));
  const magnitude = v.let(v.abs(x));
  const exponential = expOfModest(v, v.let(v.op("f32x4.pmin", v.add(magnitude, magnitude), v.f32(20))));
  const far = v.sub(v.f32(1), v.div(v.f32(2), v.add(exponential, v.f32(1))));
  return v.select(v.lt(magnitude, v.f32(0.625)), near, withSign(v, far, x));
}

/** With e = e^-|x|: 1 / (1 + e), and e / (1 + e) for negative x; <= 2.5 ulp. */
export function sigmoid(v: VectorCode, x: Vec): Vec {
  const e = v.let(expWithin(v, v.op("f32x4.neg", v.abs(x))));
  const numerator = v.select(v.lt(x, v.f32(0)), e, v.f32(1));
  return v.div(numerator, v.add(v.f32(1), e));
}

/** (erf x - x) / x as a polynomial in x², for |x| <= 475/512. */
const ERF_NEAR = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1];
/** (ln(1 - erf x) + x) / x as a polynomial in x, for greater x. */
const ERF_FAR = [
  -1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1,
];

/** <= 1.2 ulp. */
export function erf(v: VectorCode, x: Vec): Vec {
  const square = v.let(v.mul(x, x));
  const near = v.let(v.add(v.mul(v.polynomialInPairs(square, ERF_NEAR), x), x));
  // From 4 on erf is 1 in f32, while the polynomial would turn round.
  const magnitude = v.let(v.op("f32x4.pmin", v.abs(x), v.f32(4)));
  const logarithm = v.sub(v.mul(v.polynomialInPairs(magnitude, ERF_FAR), magnitude), magnitude);
  const far = v.sub(v.f32(1), expOfModest(v, v.let(logarithm)));
  return v.select(v.lt(v.f32(475 / 512), magnitude), withSign(v, far, x), near);
}
