/**
 * Weights, images and labels that TypeScript and Python compute alike (see test/oracle/fixtures.py), so that goldens hold
 * losses only.
 *
 * Element i of the stream `name` is hash(seed(name) + i · 0x9E3779B9 mod 2³²), where seed is 32-bit FNV-1a of the name and
 * hash is Wellons' lowbias32 (https://nullprogram.com/blog/2018/07/31/). Floats take its upper 24 bits: exact in float32.
 */
export const CLASSES = 10;

export function seed(name: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

export function bits(name: string, count: number): Uint32Array {
  const start = seed(name);
  return Uint32Array.from({ length: count }, (_, i) => {
    let x = start + Math.imul(i, 0x9e3779b9);
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    return x ^ (x >>> 16);
  });
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** In [low, high). */
export function uniform(name: string, shape: readonly number[], low: number, high: number): Float32Array {
  return Float32Array.from(bits(name, product(shape)), (x) => low + (high - low) * ((x >>> 8) * 2 ** -24));
}

/** In 0 … 9. */
export function labels(count: number): Int32Array {
  return Int32Array.from(bits("labels", count), (x) => (x >>> 16) % CLASSES);
}

/** [count, 3, size, size]: a picture of the class, one of the image (both of 4×4-pixel squares) and noise, as 1 : 2 : 1. */
export function images(count: number, size = 32): Uint8Array {
  const classes = pixels("class squares", CLASSES, 8);
  const own = pixels("image squares", count, 8);
  const label = labels(count);
  return pixels("noise", count, size).map((noise, i) => {
    const column = (i % size) >> 2;
    const row = (Math.floor(i / size) % size) >> 2;
    const channel = Math.floor(i / (size * size)) % 3;
    const image = Math.floor(i / (3 * size * size));
    const square = (picture: number) => ((picture * 3 + channel) * 8 + row) * 8 + column;
    return (classes[square(label[image])] + 2 * own[square(image)] + noise) >> 2;
  });
}

/** [count, 3, size, size] of 0 and 255 only: most pooling windows hold their maximum several times. */
export function ties(count: number, size = 32): Uint8Array {
  return pixels("ties", count, size).map((x) => (x >> 7) * 255);
}

function pixels(name: string, count: number, size: number): Uint8Array {
  return Uint8Array.from(bits(name, count * 3 * size * size), (x) => x >>> 24);
}

/** [n, 10]: one-hot plus noise in [−0.25, 0.25). */
export function targets(label: ArrayLike<number>): Float32Array {
  const noise = uniform("targets", [label.length, CLASSES], -0.25, 0.25);
  return noise.map((x, i) => x + (label[Math.floor(i / CLASSES)] === i % CLASSES ? 1 : 0));
}
