/** Archives: hash, and reading file by file without holding the whole. The signal ends either with its reason. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { addAbortSignal, pipeline } from "node:stream";
import { ReadableStream as NodeReadableStream } from "node:stream/web";
import { createGunzip } from "node:zlib";
import { createTarDecoder } from "modern-tar";

export interface ArchiveFile {
  /** Without its folders. */
  readonly name: string;
  readonly data: Uint8Array;
}

export async function hashFile(
  path: string,
  algorithm: "sha256" | "sha512",
  encoding: "hex" | "base64",
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(chunk);
  return hash.digest(encoding);
}

interface Entry {
  readonly header: { readonly name: string; readonly type?: string };
  readonly body: ReadableStream<Uint8Array>;
}

/** The wanted files of a `.tar.gz`, in its order. */
export async function* readArchive(
  path: string,
  wanted: (name: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<ArchiveFile> {
  const packed = createReadStream(path, { highWaterMark: 1 << 20 });
  const tar = addAbortSignal(signal, createGunzip({ chunkSize: 1 << 20 }));
  // Destroys both on an error of either; the reader below sees it as its own.
  pipeline(packed, tar, () => {});
  const entries = (NodeReadableStream.from(tar) as ReadableStream<Uint8Array>).pipeThrough(createTarDecoder());
  try {
    for await (const { header, body } of entries as unknown as AsyncIterable<Entry>) {
      const name = basename(header.name);
      if (header.type === "file" && wanted(name))
        yield { name, data: new Uint8Array(await new Response(body).arrayBuffer()) };
      // Cancelling a body that is already buffered whole would stall the decoder.
      else await body.pipeTo(new WritableStream());
    }
  } finally {
    tar.destroy();
  }
}
