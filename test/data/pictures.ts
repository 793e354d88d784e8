/** Picture files and what PIL makes of them (test/oracle/pictures.py). */
import { readFileSync } from "node:fs";

interface Golden {
  readonly pictures: readonly {
    readonly name: string;
    readonly file: string;
    readonly width: number;
    readonly height: number;
    readonly rgb: string;
    readonly grey: string;
  }[];
  readonly resized: readonly {
    readonly width: number;
    readonly height: number;
    readonly crop?: true;
    readonly data: string;
  }[];
}

export const golden: Golden = JSON.parse(readFileSync(new URL("../golden/pictures.json", import.meta.url), "utf8"));

export const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

export function picture(name: string): Uint8Array {
  return fromBase64(golden.pictures.find((known) => known.name === name)!.file);
}

/** Channels innermost to planes. */
export function planes(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  return Uint8Array.from({ length: data.length }, (_, i) => data[(i % pixels) * channels + Math.floor(i / pixels)]);
}
