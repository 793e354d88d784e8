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
  const across = weights(width, part.left, part.width, toWidth);
  const down = weights(height, part.top, part.height, toHeight);
  const rows = new Uint8Array(height * toWidth * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < toWidth; x++) {
      const at = (y * toWidth + x) * channels;
      for (let c = 0; c < channels; c++) {
        rows[at + c] = across ? blend(data, y * width * channels + c, channels, across[x]) : data[at + c];
      }
    }
  }
  const planes = new Uint8Array(channels * toHeight * toWidth);
  const stride = toWidth * channels;
  for (let y = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++) {
      for (let c = 0; c < channels; c++) {
        const value = down ? blend(rows, x * channels + c, stride, down[y]) : rows[y * stride + x * channels + c];
        planes[(c * toHeight + y) * toWidth + x] = value;
      }
    }
  }
  return planes;
}

/** The elements that one new element is made of, from `first` on. */
interface Weights {
  readonly first: number;
  readonly shares: Float64Array;
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
    return { first, shares: raw.map((share) => Math.floor((share / total) * 2 ** BITS + 0.5)) };
  });
}

function blend(data: Uint8Array, offset: number, stride: number, { first, shares }: Weights): number {
  let sum = 2 ** (BITS - 1);
  for (let j = 0, at = offset + first * stride; j < shares.length; j++, at += stride) sum += shares[j] * data[at];
  return Math.min(255, Math.floor(sum / 2 ** BITS));
}
