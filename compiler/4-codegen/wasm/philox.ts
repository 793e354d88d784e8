/** The counter-based random generator: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011). */
import type { Code, FunctionType } from "../../wasm/index.ts";
import { GOLDEN } from "./expression.ts";

const MULTIPLIER = 0xd256d193;
const ROUNDS = 10;

/** (4 indices, step, key) -> 4 numbers. */
export const UNIFORM_TYPE: FunctionType = { params: ["v128", "i32", "i32"], results: ["v128"] };

/** The high words of four 64-bit products, from the products of lanes 0, 1 and of lanes 2, 3. */
const HIGH_WORDS = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31];

/**
 * Philox2x32-10 of the counters (index, step): uniform in [0, 1), the upper 24 bits of word 0 times 2^-24. A round is
 * (a, b) <- (high(M·a) ^ key ^ b, low(M·a)), key <- key + 2^32/φ.
 */
export function emitUniform(code: Code): void {
  const [a, step, key] = code.params;
  const b = code.local("v128");
  const product = code.local("v128");
  const rounds = code.local("i32");
  const multiplied = (op: "i64x2.extmul_low_i32x4_u" | "i64x2.extmul_high_i32x4_u" | "i32x4.mul") =>
    code.get(a).i32(MULTIPLIER).op("i32x4.splat").op(op);
  code.get(step).op("i32x4.splat").set(b);
  code.i32(ROUNDS).set(rounds);
  code.loop((again) => {
    multiplied("i32x4.mul").set(product);
    multiplied("i64x2.extmul_low_i32x4_u");
    multiplied("i64x2.extmul_high_i32x4_u").op("i8x16.shuffle", HIGH_WORDS);
    code.get(b).op("v128.xor").get(key).op("i32x4.splat").op("v128.xor").set(a);
    code.get(product).set(b);
    code.get(key).i32(GOLDEN).op("i32.add").set(key);
    code.get(rounds).i32(1).op("i32.sub").tee(rounds).brIf(again);
  });
  code.get(a).i32(8).op("i32x4.shr_u").op("f32x4.convert_i32x4_s");
  code
    .op("f32.const", 2 ** -24)
    .op("f32x4.splat")
    .op("f32x4.mul");
}
