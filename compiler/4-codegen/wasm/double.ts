/** Functions that compute in f64, two lanes at a time, so that they are right to the last bit or nearly: sin, cos, pow. */
import type { FunctionRef } from "../../wasm/index.ts";
import type { Vec, VectorCode } from "./vector-code.ts";

/** Applies a function on pairs of f64 to 4 lanes of f32. */
function inPairs(v: VectorCode, pair: FunctionRef, ...args: readonly Vec[]): Vec {
  const promote = (a: Vec) => v.op("f64x2.promote_low_f32x4", a);
  const apply = (lanes: readonly Vec[]): Vec => {
    const call: Vec = () => {
      for (const lane of lanes) promote(lane)();
      v.code.call(pair);
    };
    return v.let(v.op("f32x4.demote_f64x2_zero", call));
  };
  const low = apply(args);
  const high = apply(args.map((a) => v.shuffle(a, a, [2, 3, 2, 3])));
  return v.shuffle(low, high, [0, 1, 4, 5]);
}

/** 1.5·2^52: adding it rounds to a whole number, which then is in the lower bits. */
const ROUNDER = 6755399441055744;
/** π/2 in two parts; the product of the first with a whole number below 2^20 is exact. */
const HALF_PI_HIGH = 1.5707963267341256;
const HALF_PI_LOW = 6.077100506506192e-11;

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
/** The coefficients of x^n for these n, of e^x; signs alternate for sin and cos. */
const taylor = (powers: readonly number[]): number[] => powers.map((n) => 1 / factorial(n));
const alternating = (powers: readonly number[]): number[] => taylor(powers).map((c, i) => (i % 2 === 0 ? c : -c));

/** (sin r - r) / r³ and (cos r - 1) / r² in r², for |r| <= π/4. */
const SIN_TAIL = alternating([15, 13, 11, 9, 7, 5, 3]).map((c) => -c);
const COS_TAIL = alternating([14, 12, 10, 8, 6, 4, 2]).map((c) => -c);

/**
 * sin(x + quarters·π/2), with x = n·π/2 + r: ±sin r or ±cos r by n mod 4. The reduction is exact to 2^-53·|x|: full precision
 * in f32 up to |x| about 10^6, from there on an absolute error that grows with |x|.
 */
export function sinPair(v: VectorCode, x: Vec, quarters: number): Vec {
  const shifted = v.let(v.op("f64x2.add", v.op("f64x2.mul", x, v.f64(2 / Math.PI)), v.f64(ROUNDER)));
  const n = v.let(v.op("f64x2.sub", shifted, v.f64(ROUNDER)));
  const part = (of: number) => v.op("f64x2.mul", n, v.f64(of));
  const r = v.let(v.op("f64x2.sub", v.op("f64x2.sub", x, part(HALF_PI_HIGH)), part(HALF_PI_LOW)));
  const square = v.let(v.op("f64x2.mul", r, r));
  const sinTail = v.op("f64x2.mul", v.op("f64x2.mul", v.polynomial64(square, SIN_TAIL), square), r);
  const sine = v.let(v.op("f64x2.add", sinTail, r));
  const cosTail = v.op("f64x2.mul", v.polynomial64(square, COS_TAIL), square);
  const cosine = v.let(v.op("f64x2.add", cosTail, v.f64(1)));
  const quadrant = v.let(v.op("i64x2.add", shifted, v.i64(quarters)));
  const odd = v.op("i64x2.ne", v.and(quadrant, v.i64(1)), v.i64(0));
  const sign = v.shift("i64x2.shl", v.and(quadrant, v.i64(2)), 62);
  return v.op("v128.xor", v.select(odd, cosine, sine), sign);
}

export function sin(v: VectorCode, x: Vec, pair: FunctionRef): Vec {
  const result = v.let(bounded(v, inPairs(v, pair, x)));
  return v.select(v.lt(v.abs(x), v.f32(2 ** -12)), x, result);
}

export function cos(v: VectorCode, x: Vec, pair: FunctionRef): Vec {
  return bounded(v, inPairs(v, pair, x));
}

/** Within [-1, 1], also where the reduction has lost all precision. */
function bounded(v: VectorCode, x: Vec): Vec {
  return v.op("f32x4.pmax", v.op("f32x4.pmin", x, v.f32(1)), v.f32(-1));
}

const SQRT_HALF_BITS = 0x3fe6a09e667f3bcdn;
const MANTISSA = 0x000fffffffffffffn;
const ROUNDER_BITS = 0x4338000000000000n;
/** ln m = 2 (s + s³/3 + s⁵/5 + …) with s = (m - 1) / (m + 1), in s². */
const ATANH = [17, 15, 13, 11, 9, 7, 5, 3, 1].map((n) => 2 / n);
const EXP = taylor([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);

/** log2 x for x >= 0; infinity and NaN stay. */
function log2Pair(v: VectorCode, x: Vec): Vec {
  const bits = v.let(v.op("i64x2.sub", x, v.i64(SQRT_HALF_BITS)));
  const m = v.let(v.op("i64x2.add", v.and(bits, v.i64(MANTISSA)), v.i64(SQRT_HALF_BITS)));
  const k = v.op("i64x2.add", v.shift("i64x2.shr_s", bits, 52), v.i64(ROUNDER_BITS));
  const exponent = v.op("f64x2.sub", k, v.f64(ROUNDER));
  const one = v.f64(1);
  const s = v.let(v.op("f64x2.div", v.op("f64x2.sub", m, one), v.op("f64x2.add", m, one)));
  const ln = v.op("f64x2.mul", v.polynomial64(v.let(v.op("f64x2.mul", s, s)), ATANH), s);
  const result = v.op("f64x2.add", v.op("f64x2.mul", ln, v.f64(Math.LOG2E)), exponent);
  const finite = v.select(v.op("f64x2.lt", x, v.f64(Number.POSITIVE_INFINITY)), result, x);
  return v.select(v.op("f64x2.eq", x, v.f64(0)), v.f64(Number.NEGATIVE_INFINITY), finite);
}

/** x^y = 2^(y log2 x) for x >= 0; beyond the bounds of the exponent the result is 0 or infinite in f32. */
export function powPair(v: VectorCode, x: Vec, y: Vec): Vec {
  const product = v.op("f64x2.mul", y, v.let(log2Pair(v, x)));
  const isOne = v.and(v.op("f64x2.eq", x, v.f64(1)), v.op("f64x2.eq", y, y));
  const t = v.op("v128.andnot", product, isOne);
  const bounded = v.let(v.op("f64x2.pmin", v.op("f64x2.pmax", t, v.f64(-160)), v.f64(130)));
  const shifted = v.let(v.op("f64x2.add", bounded, v.f64(ROUNDER)));
  const rest = v.op("f64x2.sub", bounded, v.op("f64x2.sub", shifted, v.f64(ROUNDER)));
  const power = v.polynomial64(v.let(v.op("f64x2.mul", rest, v.f64(Math.LN2))), EXP);
  const scale = v.shift("i64x2.shl", v.op("i64x2.add", shifted, v.i64(1023)), 52);
  return v.op("f64x2.mul", power, scale);
}

/** IEEE 754 pow: of a negative x, NaN unless y is a whole number; x^0 and 1^y are 1 even of NaN. */
export function pow(v: VectorCode, x: Vec, y: Vec, pair: FunctionRef): Vec {
  const magnitude = inPairs(v, pair, v.abs(x), y);
  const isWhole = (a: Vec) => v.op("f32x4.eq", v.op("f32x4.trunc", a), a);
  const whole = v.let(isWhole(y));
  const odd = v.op("v128.andnot", whole, isWhole(v.mul(y, v.f32(0.5))));
  const signed = v.op("v128.xor", magnitude, v.and(v.and(x, odd), v.i32(0x80000000)));
  const negative = v.and(v.lt(x, v.f32(0)), v.lt(v.f32(Number.NEGATIVE_INFINITY), x));
  const real = v.select(v.op("v128.andnot", negative, whole), v.f32(Number.NaN), signed);
  const one = v.or(v.op("f32x4.eq", x, v.f32(1)), v.op("f32x4.eq", y, v.f32(0)));
  return v.select(one, v.f32(1), real);
}
