/**
 * Resizing as PIL's `resize(…, BILINEAR)` does it, byte for byte: first along rows, then along columns, each rounded to bytes.
 * Element i is the mean of the elements j around its place c = (i + ½) · s with the weights max(0, 1 − |j + ½ − c| / max(s, 1)),
 * s = old size / new size: antialiased where the picture becomes smaller. Weights are rounded to multiples of 2^−22.
 */
import type { Picture } from "./image.ts";

const BITS = 22;

/** A part of the picture to resize: in pixels, not necessarily whole. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The largest part in the middle that has the wanted proportions. */
export function middleBox({ width, height }: Picture, toWidth: number, toHeight: number): Box {
  const scale = Math.min(width / toWidth, height / toHeight);
  const [w, h] = [toWidth * scale, toHeight * scale];
  return { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h };
}

/** The picture (or its part) in the new size, as planes: channels × height × width. */
export function resizePlanes(picture: Picture, toWidth: number, toHeight: number, box?: Box): Uint8Array {
  const { width, height, data } = picture;
  const channels = data.length / (width * height);
  const part = box ?? { left: 0, top: 0, width, height };
  const rows = resample(data, height, channels, weights(width, part.left, part.width, toWidth));
  const pixels = resample(rows, 1, toWidth * channels, weights(height, part.top, part.height, toHeight));
  const area = toWidth * toHeight;
  const planes = new Uint8Array(channels * area);
  for (let i = 0, from = 0; i < area; i++) {
    for (let c = 0; c < channels; c++) planes[c * area + i] = pixels[from++];
  }
  return planes;
}

/** [outer, size, inner] to [outer, new size, inner]. A sum of bytes times shares fits into 31 bits. */
function resample(data: Uint8Array, outer: number, inner: number, along: readonly Weights[] | null): Uint8Array {
  if (along === null) return data;
  const size = data.length / (outer * inner);
  const out = new Uint8Array(outer * along.length * inner);
  const sums = new Int32Array(inner);
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const { first, shares } of along) {
      sums.fill(2 ** (BITS - 1));
      let from = (o * size + first) * inner;
      for (let j = 0; j < shares.length; j++) {
        const share = shares[j];
        for (let k = 0; k < inner; k++) sums[k] += share * data[from++];
      }
      for (let k = 0; k < inner; k++) out[to++] = Math.min(255, sums[k] >> BITS);
    }
  }
  return out;
}

/** The elements that one new element is made of, from `first` on. */
interface Weights {
  readonly first: number;
  readonly shares: Int32Array;
}

/** Null where nothing changes. */
function weights(size: number, start: number, length: number, to: number): readonly Weights[] | null {
  if (start === 0 && length === size && size === to) return null;
  const scale = length / to;
  const support = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = start + (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support + 0.5));
    const end = Math.min(size, Math.floor(centre + support + 0.5));
    const raw = Float64Array.from({ length: end - first }, (_, j) => {
      return Math.max(0, 1 - Math.abs((j + first - centre + 0.5) / support));
    });
    const total = raw.reduce((a, b) => a + b, 0);
    return { first, shares: Int32Array.from(raw, (share) => Math.floor((share / total) * 2 ** BITS + 0.5)) };
  });
}
