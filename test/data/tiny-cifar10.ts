/** A made-up CIFAR-10 of two files with a few images, as official archive and as npm package, and a server for both. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { encode } from "fast-png";
import { packTar } from "modern-tar";
import { type CifarFiles, RECORD_BYTES } from "../../compiler/cli/data/cifar-files.ts";

const IMAGES = 3;
const PIXELS = 1024;

const hash = (algorithm: string, data: Uint8Array, encoding: "hex" | "base64") =>
  createHash(algorithm).update(data).digest(encoding);

/** Bytes that hardly compress, so that a connection can be cut in the middle. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Records and the sheet of the same images. */
function images(seed: number, labels: readonly number[]) {
  const sheet = noise(IMAGES * PIXELS * 3, seed);
  const records = new Uint8Array(IMAGES * RECORD_BYTES);
  for (let image = 0; image < IMAGES; image++) {
    records[image * RECORD_BYTES] = labels[image];
    for (let channel = 0; channel < 3; channel++) {
      for (let pixel = 0; pixel < PIXELS; pixel++) {
        records[image * RECORD_BYTES + 1 + channel * PIXELS + pixel] = sheet[(image * PIXELS + pixel) * 3 + channel];
      }
    }
  }
  return { records, png: encode({ width: PIXELS, height: IMAGES, data: sheet, channels: 3, depth: 8 }) };
}

export async function tarball(files: Readonly<Record<string, Uint8Array | string>>): Promise<Uint8Array> {
  const entries = Object.entries(files).map(([name, body]) => {
    const data = typeof body === "string" ? new TextEncoder().encode(body) : body;
    return { header: { name, size: data.length, type: "file" as const }, body: data };
  });
  return gzipSync(await packTar(entries));
}

export interface TinyCifar10 {
  readonly cifar10: CifarFiles;
  readonly records: Readonly<Record<string, Uint8Array>>;
  readonly archive: Uint8Array;
  readonly package: Uint8Array;
}

/** `origin` is the server's, once it is known. */
export async function tinyCifar10(origin: string): Promise<TinyCifar10> {
  const train = images(1, [3, 9, 0]);
  const test = images(2, [1, 1, 7]);
  const archive = await tarball({
    "cifar-10-batches-bin/readme.html": "<p>",
    "cifar-10-batches-bin/data_batch_1.bin": train.records,
    "cifar-10-batches-bin/test_batch.bin": test.records,
  });
  const npmPackage = await tarball({
    "package/package.json": JSON.stringify({ name: "tiny-cifar10", version: "1.1.1" }),
    "package/data_batch_1.png": train.png,
    "package/README.md": "x",
    "package/test_batch.png": test.png,
    "package/test_lables.json": "[1,1,7]",
    "package/train_lables.json": "[3,9,0]",
  });
  const file = (name: string, records: Uint8Array, labels: string) => ({
    name: `${name}.bin`,
    bytes: records.length,
    sha256: hash("sha256", records, "hex"),
    sheet: `${name}.png`,
    labels: { file: labels, first: 0 },
  });
  return {
    cifar10: {
      title: "CIFAR-10",
      name: "cifar10",
      folder: "tiny",
      labelBytes: 1,
      files: [
        file("data_batch_1", train.records, "train_lables.json"),
        file("test_batch", test.records, "test_lables.json"),
      ],
      archive: {
        name: "tiny.tar.gz",
        url: `${origin}/tiny.tar.gz`,
        bytes: archive.length,
        sha256: hash("sha256", archive, "hex"),
      },
      package: {
        name: "tiny-cifar10",
        version: "1.1.1",
        bytes: npmPackage.length,
        sha512: hash("sha512", npmPackage, "base64"),
      },
    },
    records: { "data_batch_1.bin": train.records, "test_batch.bin": test.records },
    archive,
    package: npmPackage,
  };
}

/** What the server does with a path: bytes to send, and how. */
export interface Served {
  readonly body: Uint8Array;
  /** Ends the connection after so many bytes of each answer. */
  readonly cutAfter?: number;
  /** Not before they have come into this file. */
  readonly arrivesIn?: string;
  /** Answers ranges with the whole. */
  readonly noRanges?: boolean;
}

export interface Server {
  readonly origin: string;
  /** By path; anything else is 404. */
  readonly served: Map<string, Served>;
  /** `GET path range`, as they came. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  const served = new Map<string, Served>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push([request.url, request.headers.range].filter(Boolean).join(" "));
    answer(served.get(request.url!), request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { origin, served, requests, close };
}

function answer(file: Served | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (file === undefined) {
    response.writeHead(404).end();
    return;
  }
  const { body, cutAfter, arrivesIn, noRanges } = file;
  const range = noRanges ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const start = range ? Number(range[1]) : 0;
  if (range && start >= body.length) {
    response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
    return;
  }
  const part = body.subarray(start);
  const headers = { "content-length": part.length, "content-type": "application/octet-stream" };
  if (range) {
    response.writeHead(206, { ...headers, "content-range": `bytes ${start}-${body.length - 1}/${body.length}` });
  } else {
    response.writeHead(200, headers);
  }
  if (cutAfter === undefined || cutAfter >= part.length) response.end(part);
  else response.write(part.subarray(0, cutAfter), () => cut(response, arrivesIn, start + cutAfter));
}

function cut(response: ServerResponse, path: string | undefined, bytes: number): void {
  const timer = setInterval(() => {
    if (path !== undefined && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) < bytes) return;
    response.destroy();
  }, 20);
  response.on("close", () => clearInterval(timer));
}
