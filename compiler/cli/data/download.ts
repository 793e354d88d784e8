/** One large file over HTTP: resumed where an earlier try ended, with limits on silence instead of on total time. */
import { createWriteStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Interrupted, systemCode } from "../errors.ts";

/** The other side's or the network's fault: another source may do. */
export class Unavailable extends Error {}

export interface DownloadOptions {
  readonly interrupt: AbortSignal;
  readonly onProgress?: (received: number, total: number | undefined) => void;
  /** Milliseconds until the answer must have begun. */
  readonly connectMs?: number;
  /** Milliseconds without a byte after which the connection counts as lost. */
  readonly stallMs?: number;
  /** Milliseconds before a lost connection is tried again, doubled each time. */
  readonly retryMs?: number;
}

/** Times that a connection which had delivered bytes is tried again without getting further. */
const RETRIES = 3;

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Brings `url` to `path`, keeping what `path` already has. A file that is cut stays, to be resumed. */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const { interrupt, retryMs = 1000 } = options;
  let furthest = sizeOf(path);
  let connected = false;
  for (let failures = 0; ; failures++) {
    try {
      return await transfer(url, path, options, () => {
        connected = true;
      });
    } catch (error) {
      if (interrupt.aborted) throw new Interrupted("interrupted: what was downloaded is kept and will be resumed");
      if (!(error instanceof Unavailable)) throw error;
      const size = sizeOf(path);
      if (size > furthest) failures = 0;
      furthest = Math.max(furthest, size);
      if (!connected || failures >= RETRIES) throw error;
      await sleep(retryMs * 2 ** failures, undefined, { signal: interrupt }).catch(() => {});
    }
  }
}

async function transfer(url: string, path: string, options: DownloadOptions, onConnect: () => void): Promise<void> {
  const { connectMs = 5000, stallMs = 30_000, interrupt, onProgress } = options;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(new Unavailable(`no answer in ${connectMs / 1000} s`)), connectMs);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(new Unavailable(`no data for ${stallMs / 1000} s`)), stallMs);
  };
  const signal = AbortSignal.any([silence.signal, interrupt]);
  try {
    const { body, start, total } = await request(url, sizeOf(path), signal);
    if (body === null) return;
    onConnect();
    let received = start;
    const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        heard();
        received += chunk.length;
        onProgress?.(received, total);
        yield chunk;
      }
    };
    heard();
    await pipeline(body, counted, createWriteStream(path, { flags: start > 0 ? "a" : "w" }), { signal });
    if (total !== undefined && received < total)
      throw new Unavailable(`the connection ended at ${received} of ${total} bytes`);
  } catch (error) {
    if (silence.signal.aborted) throw silence.signal.reason;
    throw networkFault(error) ?? error;
  } finally {
    clearTimeout(timer);
  }
}

interface Answer {
  /** Null if all of the file is here already. */
  readonly body: Readable | null;
  readonly start: number;
  readonly total: number | undefined;
}

async function request(url: string, have: number, signal: AbortSignal): Promise<Answer> {
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (have > 0) headers.range = `bytes=${have}-`;
  const response = await fetch(url, { headers, signal });
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (response.status === 416 && have > 0) {
    await response.body?.cancel();
    return Number(range?.[2]) === have ? { body: null, start: have, total: have } : request(url, 0, signal);
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Unavailable(`the server answered ${response.status} ${response.statusText}`.trimEnd());
  }
  if (response.status === 206 && Number(range?.[1]) !== have) {
    await response.body.cancel();
    return request(url, 0, signal);
  }
  const start = response.status === 206 ? have : 0;
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  return { body, start, total: Number.isNaN(length) ? undefined : start + length };
}

/** What the network's part of an error was; undefined for an error of the disk or of the program. */
function networkFault(error: unknown): Unavailable | undefined {
  if (error instanceof Unavailable) return error;
  // `fetch` rejects, and its body breaks off, with a TypeError whose cause is the socket's error.
  if (!(error instanceof TypeError) || error.cause === undefined) return undefined;
  const cause = error.cause as Error & { errors?: Error[] };
  const first = cause.errors?.[0] ?? cause;
  return new Unavailable(first.message || systemCode(first) || "the connection failed");
}
