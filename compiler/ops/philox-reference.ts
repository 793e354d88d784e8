/**
 * Philox2x32-10, the counter-based random generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
 * A round maps (L, R) to (hi(M·L) xor key xor R, lo(M·L)); the key grows by W between rounds.
 */
const M = 0xd256d193;
const W = 0x9e3779b9;

/** The upper and lower 32 bits of the unsigned product. */
function wide(a: number, b: number): [number, number] {
  const product = BigInt(a) * BigInt(b);
  return [Number(product >> 32n), Number(product & 0xffffffffn)];
}

export function philox2x32(counter: readonly [number, number], key: number): [number, number] {
  let [left, right] = [counter[0] >>> 0, counter[1] >>> 0];
  let k = key >>> 0;
  for (let round = 0; round < 10; round++) {
    const [high, low] = wide(M, left);
    left = (high ^ k ^ right) >>> 0;
    right = low;
    k = (k + W) >>> 0;
  }
  return [left, right];
}

/**
 * Uniform in [0, 1): the upper 24 bits of a word. Eight numbers in a row are the words 0 of four counters, then their words 1:
 * of counter ⌊index / 8⌋ · 4 + index mod 4, word ⌊index / 4⌋ mod 2.
 */
export function uniform(index: number, step: number, seed: number, site: number): number {
  const counter = ((index >>> 3) << 2) | (index & 3);
  const words = philox2x32([counter, step], seed ^ Math.imul(site, W));
  return (words[(index >>> 2) & 1] >>> 8) * 2 ** -24;
}
