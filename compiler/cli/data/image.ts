/**
 * Pictures as bytes of red, green and blue, or of grey. As PIL's `convert`: transparency is left out, grey becomes three equal
 * channels, and colour becomes grey by the weights of ITU-R BT.601. EXIF's orientation is not applied.
 */
import { createRequire } from "node:module";
import { type DecodedPng, decode as decodePng } from "fast-png";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Rows from the top, pixels from the left, channels innermost. */
  readonly data: Uint8Array;
}

/** More is refused before it is unpacked: such a file wants the memory, not to be looked at. */
const MOST_PIXELS = 100_000_000;

/** Throws an Error that says what is wrong with the file. */
export function decodePicture(bytes: Uint8Array, channels: 1 | 3): Picture {
  if (bytes.length === 0) throw new Error("the file is empty");
  const format = formatOf(bytes);
  if (format === null) throw new Error(`it is neither PNG nor JPEG${guess(bytes)}`);
  const size = format === "png" ? pngSize(bytes) : jpegSize(bytes);
  if (size === null) throw new Error("the file is truncated, or damaged");
  const [width, height] = size;
  if (width === 0 || height === 0) throw new Error("it has no pixels");
  if (width * height > MOST_PIXELS) {
    throw new Error(`it is ${width}x${height} pixels; at most ${MOST_PIXELS / 1e6} million are read`);
  }
  const pixels = format === "png" ? fromPng(bytes) : fromJpeg(bytes);
  const data = pixels.channels === channels ? pixels.data : channels === 1 ? grey(pixels) : colour(pixels);
  return { width, height, data };
}

interface Pixels {
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const startsWith = (bytes: Uint8Array, start: readonly number[]) => start.every((byte, i) => bytes[i] === byte);

function formatOf(bytes: Uint8Array): "png" | "jpeg" | null {
  if (startsWith(bytes, PNG)) return "png";
  return startsWith(bytes, [0xff, 0xd8, 0xff]) ? "jpeg" : null;
}

/** ` (but GIF)` */
function guess(bytes: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 12));
  const known: readonly (readonly [string, RegExp])[] = [
    ["GIF", /^GIF8/],
    ["WebP", /^RIFF....WEBP/s],
    ["BMP", /^BM/],
    ["TIFF", /^(II\*\0|MM\0\*)/],
    ["AVIF or HEIC", /^....ftyp/s],
  ];
  const name = known.find(([, pattern]) => pattern.test(text))?.[0];
  return name === undefined ? "" : ` (but ${name})`;
}

/** Of the header, which comes first. */
function pngSize(bytes: Uint8Array): [number, number] | null {
  if (bytes.length < 33) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

/** Of the frame header: segments are a marker, their length, and their contents. */
function jpegSize(bytes: Uint8Array): [number, number] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    const alone = marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    at += marker === 0xff ? 1 : alone ? 2 : 2 + view.getUint16(at + 2);
  }
  return null;
}

function fromPng(bytes: Uint8Array): Pixels {
  const png = readPng(bytes);
  const pixels = png.width * png.height;
  const { palette } = png;
  if (palette) {
    const data = new Uint8Array(3 * pixels);
    const indices = unpacked(png);
    for (let i = 0; i < pixels; i++) {
      const entry = palette[indices[i]];
      if (entry === undefined) throw new Error("a pixel has a colour that is not in the palette");
      for (let c = 0; c < 3; c++) data[3 * i + c] = entry[c];
    }
    return { channels: 3, data };
  }
  const most = 2 ** png.depth - 1;
  const values = png.depth < 8 ? unpacked(png) : png.data;
  const channels = png.channels < 3 ? 1 : 3;
  const data = new Uint8Array(channels * pixels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < channels; c++) {
      data[i * channels + c] = Math.round((values[i * png.channels + c] * 255) / most);
    }
  }
  return { channels, data };
}

function readPng(bytes: Uint8Array): DecodedPng {
  try {
    return decodePng(bytes, { checkCrc: true });
  } catch (error) {
    throw new Error(`the file is damaged: ${(error as Error).message}`);
  }
}

/** Values of less than a byte: rows begin at a byte, the highest bits come first. */
function unpacked({ width, height, depth, data }: DecodedPng): Uint8Array {
  if (depth === 8) return data as Uint8Array;
  const row = Math.ceil((width * depth) / 8);
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      values[y * width + x] = (data[y * row + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
    }
  }
  return values;
}

/** The decoder loads its WebAssembly when it is first asked for. */
function fromJpeg(bytes: Uint8Array): Pixels {
  const { decode } = createRequire(import.meta.url)("@cwasm/jpeg-turbo") as typeof import("@cwasm/jpeg-turbo");
  let rgba: Uint8ClampedArray;
  try {
    rgba = decode(bytes).data;
  } catch {
    throw new Error("the file is truncated or damaged, or a kind of JPEG that is not read");
  }
  const pixels = rgba.length / 4;
  const data = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    data[3 * i] = rgba[4 * i];
    data[3 * i + 1] = rgba[4 * i + 1];
    data[3 * i + 2] = rgba[4 * i + 2];
  }
  return { channels: 3, data };
}

/** (19595 red + 38470 green + 7471 blue) / 2^16, rounded. */
function grey({ data }: Pixels): Uint8Array {
  const one = new Uint8Array(data.length / 3);
  for (let i = 0; i < one.length; i++) {
    one[i] = (19595 * data[3 * i] + 38470 * data[3 * i + 1] + 7471 * data[3 * i + 2] + 0x8000) >> 16;
  }
  return one;
}

function colour({ data }: Pixels): Uint8Array {
  const three = new Uint8Array(3 * data.length);
  for (let i = 0; i < data.length; i++) three.fill(data[i], 3 * i, 3 * i + 3);
  return three;
}
