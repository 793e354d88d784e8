/** Functions that generated JavaScript calls, as text; a module gets those that it uses. */

export const HELPERS = {
  pmax: `
/** a < b ? b : a */
function pmax(a, b) {
  return a < b ? b : a;
}`,

  pmin: `
/** b < a ? b : a */
function pmin(a, b) {
  return b < a ? b : a;
}`,

  toInt: `
/** Towards zero, saturating; NaN gives 0. */
function toInt(x) {
  return x >= 2147483647 ? 2147483647 : x <= -2147483648 ? -2147483648 : x | 0;
}`,

  modulo: `
/** The remainder of division rounding down; b > 0. */
function modulo(a, b) {
  const r = a % b;
  return (r < 0 ? r + b : r) | 0;
}`,

  nearest: `
/** The nearest integer; of two, the even one. */
function nearest(x) {
  const up = Math.round(x);
  return up - x === 0.5 ? 2 * Math.round(x / 2) : up;
}`,

  sigmoid: `
function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}`,

  power: `
/** IEEE 754 pow: unlike Math.pow, 1 to any power is 1, and so is -1 to an infinite one. */
function power(x, y) {
  return x === 1 || (x === -1 && (y === Infinity || y === -Infinity)) ? 1 : Math.pow(x, y);
}`,

  uniform: `
/**
 * Philox2x32-10: the upper 24 bits of a word as a number in [0, 1). Eight numbers in a row are the words 0 of four counters,
 * then their words 1.
 */
function uniform(index, step, key) {
  let a = ((index >>> 3) << 2) | (index & 3);
  let b = step;
  let k = key;
  for (let round = 0; round < 10; round++) {
    // The upper half of the 64-bit product 0xd256d193 * a, from products of 16-bit halves.
    const low = a & 0xffff;
    const high = a >>> 16;
    const middle = 0xd256 * low + ((0xd193 * low) >>> 16);
    const carry = 0xd193 * high + (middle & 0xffff);
    const upper = 0xd256 * high + (middle >>> 16) + (carry >>> 16);
    const lower = Math.imul(0xd256d193, a);
    a = upper ^ k ^ b;
    b = lower;
    k = (k + 0x9e3779b9) | 0;
  }
  return ((index & 4 ? b : a) >>> 8) * 2 ** -24;
}`,

  allFinite: `
function allFinite(values, start, count) {
  for (let i = start; i < start + count; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}`,

  erf: `
/**
 * The error function, error below 1 ulp: the rational approximations of FreeBSD's msun s_erf.c (© 1993 Sun Microsystems,
 * freely usable with this notice preserved).
 */
function erf(x) {
  const a = Math.abs(x);
  if (a < 0.84375) {
    const z = x * x;
    const p = 0.12837916709551256 + z * (-0.3250421072470015 + z * (-0.02848174957559851 + z * (-0.005770270296489442 + z * -0.000023763016656650163)));
    const q = 1 + z * (0.39791722395915535 + z * (0.0650222499887673 + z * (0.005081306281875766 + z * (0.00013249473800432164 + z * -0.000003960228278775368))));
    return x + x * (p / q);
  }
  if (a < 1.25) {
    const s = a - 1;
    const p = -0.0023621185607526594 + s * (0.41485611868374833 + s * (-0.3722078760357013 + s * (0.31834661990116175 + s * (-0.11089469428239668 + s * (0.035478304325618236 + s * -0.002166375594868791)))));
    const q = 1 + s * (0.10642088040084423 + s * (0.540397917702171 + s * (0.07182865441419627 + s * (0.12617121980876164 + s * (0.01363708391202905 + s * 0.011984499846799107)))));
    return Math.sign(x) * (0.8450629115104675 + p / q);
  }
  if (a >= 6) return Math.sign(x);
  if (a !== a) return x;
  const s = 1 / (a * a);
  let r;
  if (a < 2.857142857142857) {
    const p = -0.009864944034847148 + s * (-0.6938585727071818 + s * (-10.558626225323291 + s * (-62.375332450326006 + s * (-162.39666946257347 + s * (-184.60509290671104 + s * (-81.2874355063066 + s * -9.814329344169145))))));
    const q = 1 + s * (19.651271667439257 + s * (137.65775414351904 + s * (434.56587747522923 + s * (645.3872717332679 + s * (429.00814002756783 + s * (108.63500554177944 + s * (6.570249770319282 + s * -0.0604244152148581)))))));
    r = p / q;
  } else {
    const p = -0.0098649429247001 + s * (-0.799283237680523 + s * (-17.757954917754752 + s * (-160.63638485582192 + s * (-637.5664433683896 + s * (-1025.0951316110772 + s * -483.5191916086514)))));
    const q = 1 + s * (30.33806074348246 + s * (325.7925129965739 + s * (1536.729586084437 + s * (3199.8582195085955 + s * (2553.0504064331644 + s * (474.52854120695537 + s * -22.44095244658582))))));
    r = p / q;
  }
  // exp(-a²) from a shortened to 32 bits, whose square is exact, and a correction.
  const t = Math.round(a * 2 ** 22) / 2 ** 22;
  return Math.sign(x) * (1 - (Math.exp(-t * t - 0.5625) * Math.exp((t - a) * (t + a) + r)) / a);
}`,
} as const;

export type Helper = keyof typeof HELPERS;
