/** The counter-based random generator: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011). */
import type { Code, FunctionType } from "../../wasm/index.ts";
import { GOLDEN } from "./expression.ts";

const MULTIPLIER = 0xd256d193;
const ROUNDS = 10;

/** (4 indices, step, key) -> 4 numbers. */
export const UNIFORM_TYPE: FunctionType = { params: ["v128", "i32", "i32"], results: ["v128"] };

/** The high words of four 64-bit products, and the low ones, from the products of lanes 0, 1 and of lanes 2, 3. */
const HIGH_WORDS = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31];
const LOW_WORDS = HIGH_WORDS.map((byte) => byte - 4);

/**
 * Philox2x32-10 of the counters (index, step): uniform in [0, 1), the upper 24 bits of word 0 times 2^-24. A round is
 * (a, b) <- (high(M·a) ^ key ^ b, low(M·a)), key <- key + 2^32/φ.
 */
export function emitUniform(code: Code): void {
  const [a, step, firstKey] = code.params;
  const [b, key, multiplier, first, last] = Array.from({ length: 5 }, () => code.local("v128"));
  code.get(step).op("i32x4.splat").set(b);
  code.get(firstKey).op("i32x4.splat").set(key);
  code.i32(MULTIPLIER).op("i32x4.splat").set(multiplier);
  for (let round = 0; round < ROUNDS; round++) {
    code.get(a).get(multiplier).op("i64x2.extmul_low_i32x4_u").set(first);
    code.get(a).get(multiplier).op("i64x2.extmul_high_i32x4_u").set(last);
    code.get(first).get(last).op("i8x16.shuffle", HIGH_WORDS);
    code.get(b).get(key).op("v128.xor").op("v128.xor").set(a);
    code.get(first).get(last).op("i8x16.shuffle", LOW_WORDS).set(b);
    code.get(key).i32(GOLDEN).op("i32x4.splat").op("i32x4.add").set(key);
  }
  code.get(a).i32(8).op("i32x4.shr_u").op("f32x4.convert_i32x4_s");
  code
    .op("f32.const", 2 ** -24)
    .op("f32x4.splat")
    .op("f32x4.mul");
}
