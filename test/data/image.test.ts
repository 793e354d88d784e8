/** Pictures: every kind as PIL reads and resizes it, byte for byte; and files that are refused. */
import { describe, expect, test } from "vitest";
import { decodePicture } from "../../compiler/cli/data/image.ts";
import { middleBox, resizePlanes } from "../../compiler/cli/data/resize.ts";
import { fromBase64, golden, picture, planes } from "./pictures.ts";

test.each(golden.pictures)("$name", ({ file, width, height, rgb, grey }) => {
  const bytes = fromBase64(file);
  expect(decodePicture(bytes, 3)).toEqual({ width, height, data: fromBase64(rgb) });
  expect(decodePicture(bytes, 1)).toEqual({ width, height, data: fromBase64(grey) });
});

test.each(golden.resized)("resized to $width x $height", ({ width, height, crop, data }) => {
  const whole = decodePicture(picture("rgb.png"), 3);
  const box = crop ? middleBox(whole, width, height) : undefined;
  expect(resizePlanes(whole, width, height, box)).toEqual(planes(fromBase64(data), 3));
});

test("a picture of the wanted size is itself", () => {
  const whole = decodePicture(picture("rgb.png"), 3);
  expect(resizePlanes(whole, whole.width, whole.height)).toEqual(planes(whole.data, 3));
});

describe("refused", () => {
  const refusal = (bytes: Uint8Array): string => {
    try {
      decodePicture(bytes, 3);
    } catch (error) {
      return (error as Error).message;
    }
    return "it was read";
  };
  const changed = (name: string, at: number, ...values: number[]): Uint8Array => {
    const bytes = picture(name).slice();
    bytes.set(values, at);
    return bytes;
  };
  const text = (value: string) => new TextEncoder().encode(value);

  test.each([
    ["an empty file", new Uint8Array(0), "the file is empty"],
    ["a text", text("hello, world"), "it is neither PNG nor JPEG"],
    ["a GIF", text("GIF89a......"), "it is neither PNG nor JPEG (but GIF)"],
    ["a WebP", text("RIFF1234WEBPVP8 "), "it is neither PNG nor JPEG (but WebP)"],
    ["a PNG's signature alone", picture("rgb.png").slice(0, 8), "the file is truncated, or damaged"],
    ["a truncated PNG", picture("rgb.png").slice(0, 90), /^the file is damaged: /],
    ["a PNG of other sums", changed("rgb.png", 45, 1, 2, 3), /^the file is damaged: /],
    ["a PNG of no width", changed("rgb.png", 16, 0, 0, 0, 0), "it has no pixels"],
    [
      "a PNG of 30,000 rows and columns",
      changed("rgb.png", 16, 0, 0, 117, 48, 0, 0, 117, 48),
      "it is 30000x30000 pixels; at most 100 million are read",
    ],
    ["a PNG of more than 2^31 columns", changed("rgb.png", 16, 255, 255, 255, 255), /^it is 4294967295x14 pixels/],
    ["a JPEG's beginning", picture("rgb.jpg").slice(0, 12), "the file is truncated, or damaged"],
    ["a truncated JPEG", picture("rgb.jpg").slice(0, -100), /^the file is truncated or damaged/],
    [
      "a JPEG without a frame",
      Uint8Array.of(0xff, 0xd8, 0xff, 0xd9, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      "the file is truncated, or damaged",
    ],
    [
      "a JPEG segment of length 0",
      Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0),
      "the file is truncated, or damaged",
    ],
  ])("%s", (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  test("a JPEG that says it is large", () => {
    const bytes = picture("rgb.jpg").slice();
    const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
    bytes.set([0xea, 0x60, 0xea, 0x60], frame + 5);
    expect(refusal(bytes)).toBe("it is 60000x60000 pixels; at most 100 million are read");
  });

  test("and the next good one is read", () => {
    for (let i = 0; i < 20; i++) refusal(picture("rgb.jpg").slice(0, 300 + i));
    const good = golden.pictures.find(({ name }) => name === "rgb.jpg")!;
    expect(decodePicture(fromBase64(good.file), 3).data).toEqual(fromBase64(good.rgb));
  });
});
