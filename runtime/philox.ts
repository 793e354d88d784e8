/**
 * Philox2x32-10, a counter-based random generator: word = f(counter, key), without state, so that any element of any tensor
 * at any step is drawn on its own. J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
const MULTIPLIER = 0xd256d193;
const WEYL = 0x9e3779b9;
const ROUNDS = 10;

/** Writes the two words of counter (`c0`, `c1`) under `key` to `out`, from `at` on. All are 32-bit integers. */
export function philox2x32(c0: number, c1: number, key: number, out: Uint32Array, at = 0): void {
  let [a, b, k] = [c0 | 0, c1 | 0, key | 0];
  for (let round = 0; round < ROUNDS; round++) {
    const high = mulHigh(MULTIPLIER, a);
    const low = Math.imul(MULTIPLIER, a);
    a = high ^ k ^ b;
    b = low;
    k = (k + WEYL) | 0;
  }
  out[at] = a;
  out[at + 1] = b;
}

/** The upper half of the 64-bit product, by schoolbook multiplication of 16-bit digits, in 32-bit integers that wrap around. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  const carry = ((middle & 0xffff) + Math.imul(a0, b1)) | 0;
  return (Math.imul(a1, b1) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** The random numbers of one purpose ("init conv1.weight", "shuffle 3"), independent of those of any other. */
export class Stream {
  private readonly words = new Uint32Array(2);
  private readonly key: number;

  constructor(seed: number, purpose: string) {
    philox2x32(fnv1a(purpose), purpose.length, seed, this.words);
    this.key = this.words[0];
  }

  /** The two words at a place of the stream. */
  draw(index: number, sub = 0): Uint32Array {
    philox2x32(index, sub, this.key, this.words);
    return this.words;
  }

  /** The two words of each place from `from` on. */
  fill(words: Uint32Array, from: number): void {
    for (let i = 0; i < words.length; i += 2) philox2x32(from + i / 2, 0, this.key, words, i);
  }

  /** Uniform in [0, 1), a multiple of 2^-32. */
  uniform(index: number, sub = 0): number {
    return this.draw(index, sub)[0] / 0x1_0000_0000;
  }
}

/** 32-bit FNV-1a of the UTF-16 units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
