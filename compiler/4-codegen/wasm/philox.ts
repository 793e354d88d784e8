/** The counter-based random generator: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011). */
import type { Code, FunctionType, GlobalRef, LocalRef, WasmModule } from "../../wasm/index.ts";
import { GOLDEN } from "./expression.ts";

const MULTIPLIER = 0xd256d193;
const ROUNDS = 10;

/** (4 indices, step, key) -> 4 numbers. */
export const UNIFORM_TYPE: FunctionType = { params: ["v128", "i32", "i32"], results: ["v128"] };

/** The high words of four 64-bit products, and the low ones, from the products of lanes 0, 1 and of lanes 2, 3. */
const HIGH_WORDS = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31];
const LOW_WORDS = HIGH_WORDS.map((byte) => byte - 4);

/** Of the step, when nothing is known yet. */
const NONE = -1;

/**
 * Uniform in [0, 1), the upper 24 bits times 2^-24 of one of the two words of Philox2x32-10. Eight numbers in a row are the
 * words 0 of four counters and then their words 1, which are kept for the next call: most kernels ask for numbers in order.
 */
export function emitUniform(code: Code, module: WasmModule): void {
  const [index, step, key] = code.params;
  const [counters, second] = [module.global("v128", true, 0), module.global("v128", true, 0)];
  const [lastStep, lastKey] = [module.global("i32", true, NONE), module.global("i32", true, 0)];
  const [counter, isSecond, word] = Array.from({ length: 3 }, () => code.local("v128"));
  const constant = (value: number) => code.i32(value).op("i32x4.splat");
  // counter = ⌊index / 8⌋ · 4 + index mod 4, word = ⌊index / 4⌋ mod 2
  code.get(index).i32(3).op("i32x4.shr_u").i32(2).op("i32x4.shl");
  code.get(index);
  constant(3).op("v128.and").op("v128.or").set(counter);
  code.get(index);
  constant(4).op("v128.and");
  constant(4).op("i32x4.eq").set(isSecond);

  code.get(counter).getGlobal(counters).op("v128.xor").get(isSecond).op("v128.not").op("v128.or").op("v128.any_true");
  code.get(step).getGlobal(lastStep).op("i32.ne").op("i32.or");
  code.get(key).getGlobal(lastKey).op("i32.ne").op("i32.or");
  code.if(
    () => {
      const first = emitPhilox(code, counter, second);
      code.get(counter).setGlobal(counters).get(step).setGlobal(lastStep).get(key).setGlobal(lastKey);
      code.getGlobal(second).get(first).get(isSecond).op("v128.bitselect").set(word);
    },
    () => code.getGlobal(second).set(word),
  );
  code.get(word).i32(8).op("i32x4.shr_u").op("f32x4.convert_i32x4_s");
  code
    .op("f32.const", 2 ** -24)
    .op("f32x4.splat")
    .op("f32x4.mul");
}

/**
 * Words 0 of the counters (counter, step); words 1 go to `second`. A round is
 * (a, b) <- (high(M·a) ^ key ^ b, low(M·a)), key <- key + 2^32/φ.
 */
function emitPhilox(code: Code, counter: LocalRef, second: GlobalRef): LocalRef {
  const [, step, firstKey] = code.params;
  const [a, b, key, multiplier, first, last] = Array.from({ length: 6 }, () => code.local("v128"));
  code.get(counter).set(a);
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
  code.get(b).setGlobal(second);
  return a;
}
