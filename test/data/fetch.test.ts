/** CIFAR-10 arrives whole or not at all: from the archive or the package, resumed, verified, placed at once. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { locateCifar, readVerified } from "../../compiler/cli/data/cifar.ts";
import { fetchCifar } from "../../compiler/cli/data/fetch.ts";
import { lock } from "../../compiler/cli/data/lock.ts";
import type { UserError } from "../../compiler/cli/errors.ts";
import { type Server, startServer, type TinyCifar10, tinyCifar10 } from "./tiny-cifar10.ts";

const TARBALL = "/tiny-cifar10/-/tiny-cifar10-1.1.1.tgz";

let server: Server;
let tiny: TinyCifar10;
let base: string;
let directory: string;
let interrupt: AbortController;
let said: string;

beforeEach(async () => {
  server = await startServer();
  tiny = await tinyCifar10(server.origin);
  base = mkdtempSync(join(tmpdir(), "mlc-data-"));
  directory = join(base, "mlc", "tiny");
  interrupt = new AbortController();
  said = "";
});

afterEach(async () => {
  await server.close();
  rmSync(base, { recursive: true });
});

const io = () => ({
  stdout: { write: () => {} },
  stderr: {
    write: (text: string) => {
      said += text;
    },
  },
  env: {
    PATH: process.env.PATH,
    HOME: base,
    XDG_CACHE_HOME: base,
    npm_config_registry: server.origin,
    npm_config_cache: join(base, "npm"),
    npm_config_update_notifier: "false",
  },
  interrupt: interrupt.signal,
});

const options = () => ({ io: io(), retryMs: 1, connectMs: 2000 });
const fetchTiny = () => fetchCifar(tiny.cifar10, directory, options());
const failure = async (run: Promise<unknown>): Promise<UserError> =>
  run.then(
    () => expect.unreachable("it should have failed"),
    (error) => error,
  );

function expectPlaced(): void {
  expect(readdirSync(directory).sort()).toEqual(["data_batch_1.bin", "test_batch.bin"]);
  for (const [name, records] of Object.entries(tiny.records)) {
    expect(
      createHash("sha256")
        .update(readFileSync(join(directory, name)))
        .digest("hex"),
    ).toBe(createHash("sha256").update(records).digest("hex"));
  }
}

const dataFiles = () => readdirSync(directory).filter((name) => name.endsWith(".bin"));

describe("the official archive", () => {
  test("is taken first", async () => {
    server.served.set("/tiny.tar.gz", { body: tiny.archive });
    server.served.set(TARBALL, { body: tiny.package });
    await fetchTiny();
    expectPlaced();
    expect(server.requests).toEqual(["/tiny.tar.gz"]);
  });

  test("is resumed where the connection was cut", async () => {
    server.served.set("/tiny.tar.gz", {
      body: tiny.archive,
      cutAfter: 5000,
      arrivesIn: join(directory, "tiny.tar.gz.part"),
    });
    await fetchTiny();
    expectPlaced();
    // What was under way when the connection broke may be lost, so a request may begin before the cut, never behind it.
    const starts = server.requests.map((request) =>
      Number(/^\/tiny\.tar\.gz(?: bytes=(\d+)-)?$/.exec(request)![1] ?? 0),
    );
    expect(starts[0]).toBe(0);
    expect(starts.at(-1)).toBeGreaterThanOrEqual(tiny.archive.length - 5000);
    starts.slice(1).forEach((start, i) => {
      expect(start).toBeGreaterThanOrEqual(starts[i]);
      expect(start).toBeLessThanOrEqual(starts[i] + 5000);
    });
  });

  test("is resumed where an earlier run stopped, also if that run had all", async () => {
    server.served.set("/tiny.tar.gz", { body: tiny.archive });
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "tiny.tar.gz.part"), tiny.archive.subarray(0, 777));
    await fetchTiny();
    expectPlaced();
    expect(server.requests).toEqual(["/tiny.tar.gz bytes=777-"]);
    for (const name of dataFiles()) rmSync(join(directory, name));
    writeFileSync(join(directory, "tiny.tar.gz.part"), tiny.archive);
    await fetchTiny();
    expectPlaced();
  });

  test("starts again where the server knows no ranges, or the part is of another file", async () => {
    server.served.set("/tiny.tar.gz", { body: tiny.archive, noRanges: true });
    mkdirSync(directory, { recursive: true });
    const part = join(directory, "tiny.tar.gz.part");
    writeFileSync(part, tiny.archive.subarray(0, 777));
    await fetchTiny();
    expectPlaced();
    for (const name of dataFiles()) rmSync(join(directory, name));
    server.served.set("/tiny.tar.gz", { body: tiny.archive });
    writeFileSync(part, new Uint8Array(900).fill(7));
    await fetchTiny();
    expectPlaced();
  });

  test("is taken from the directory if the user put it there, and left there", async () => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "tiny.tar.gz"), tiny.archive);
    await fetchTiny();
    expect(dataFiles()).toHaveLength(2);
    expect(existsSync(join(directory, "tiny.tar.gz"))).toBe(true);
    expect(server.requests).toEqual([]);
  });
});

describe("the npm package", () => {
  test("stands in where the archive cannot be had, and gives the same bytes", async () => {
    server.served.set(TARBALL, { body: tiny.package });
    await fetchTiny();
    expectPlaced();
    expect(said).toContain("the server answered 404");
  });

  test("stands in where the archive was altered", async () => {
    const altered = tiny.archive.slice();
    altered[altered.length >> 1] ^= 1;
    server.served.set("/tiny.tar.gz", { body: altered });
    server.served.set(TARBALL, { body: tiny.package });
    await fetchTiny();
    expectPlaced();
    expect(said).toContain("altered on the way");
  });

  test("is fetched through npm where the registry keeps its files elsewhere", async () => {
    const { name, version, sha512 } = tiny.cifar10.package!;
    const dist = { tarball: `${server.origin}/elsewhere.tgz`, integrity: `sha512-${sha512}` };
    const document = { name, "dist-tags": { latest: version }, versions: { [version]: { name, version, dist } } };
    server.served.set(`/${name}`, { body: new TextEncoder().encode(JSON.stringify(document)) });
    server.served.set("/elsewhere.tgz", { body: tiny.package });
    await fetchTiny();
    expectPlaced();
    expect(server.requests).toContain("/elsewhere.tgz");
  });
});

test("a package that the user brought is taken without asking the network", async () => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "tiny-cifar10-1.1.1.tgz"), tiny.package);
  await fetchTiny();
  expect(dataFiles()).toHaveLength(2);
  expect(server.requests).toEqual([]);
});

describe("failures leave nothing in place", () => {
  test("altered everywhere", async () => {
    const altered = tiny.package.slice();
    altered[altered.length >> 1] ^= 1;
    server.served.set("/tiny.tar.gz", { body: altered });
    server.served.set(TARBALL, { body: altered });
    const { code, message, help, exitCode } = await failure(fetchTiny());
    expect({ code, exitCode }).toEqual({ code: "data-unavailable", exitCode: 1 });
    expect(message).toContain("tiny.tar.gz: the file was altered on the way");
    expect(message).toContain("tiny-cifar10@1.1.1");
    expect(help).toContain("--data DIR");
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a data file of an authentic archive that is not the one expected", async () => {
    server.served.set("/tiny.tar.gz", { body: tiny.archive });
    const files = tiny.cifar10.files.map((file) =>
      file.name === "test_batch.bin" ? { ...file, sha256: "0".repeat(64) } : file,
    );
    const { message } = await failure(fetchCifar({ ...tiny.cifar10, files }, directory, options()));
    expect(message).toMatch(/test_batch\.bin has SHA-256 [0-9a-f]{64}, expected 0{64}/);
    expect(dataFiles()).toEqual([]);
  });

  test("404 everywhere", async () => {
    const { code, message } = await failure(fetchTiny());
    expect(code).toBe("data-unavailable");
    expect(message).toContain("404");
    expect(message).toContain("npm pack");
    expect(readdirSync(directory)).toEqual([]);
  });

  test("no network", async () => {
    await server.close();
    const { code, message, help } = await failure(fetchTiny());
    expect(code).toBe("data-unavailable");
    expect(message).toContain("ECONNREFUSED");
    expect(help).toContain(directory);
    expect(readdirSync(directory)).toEqual([]);
    server = await startServer();
  });

  test("a server that never answers", async () => {
    const { createServer } = await import("node:net");
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const archive = { ...tiny.cifar10.archive, url: `http://127.0.0.1:${port}/tiny.tar.gz` };
    server.served.set(TARBALL, { body: tiny.package });
    await fetchCifar({ ...tiny.cifar10, archive }, directory, { ...options(), connectMs: 50 });
    expectPlaced();
    expect(said).toContain("no answer in 0.05 s");
    silent.close();
  });

  test("an archive brought by hand that is not whole", async () => {
    mkdirSync(directory, { recursive: true });
    const own = join(directory, "tiny.tar.gz");
    writeFileSync(own, tiny.archive.subarray(0, 1000));
    const { code, message } = await failure(fetchTiny());
    expect(code).toBe("data-altered");
    expect(message).toContain(own);
    expect(readFileSync(own)).toHaveLength(1000);
  });

  test("a place that cannot be written", async () => {
    server.served.set("/tiny.tar.gz", { body: tiny.archive });
    writeFileSync(join(base, "mlc"), "a file where a directory must be");
    const { code, message, help } = await failure(fetchTiny());
    expect(code).toBe("file");
    expect(message).toContain(directory);
    expect(help).toBeTruthy();
  });

  test("Ctrl-C keeps the part, and the next run resumes it", async () => {
    server.served.set("/tiny.tar.gz", { body: tiny.archive, cutAfter: 2000 });
    const running = fetchCifar(tiny.cifar10, directory, { ...options(), retryMs: 200 });
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    setTimeout(() => interrupt.abort(), 100);
    expect((await failure(running)).exitCode).toBe(130);
    expect(readdirSync(directory)).toEqual(["tiny.tar.gz.part"]);
    interrupt = new AbortController();
    server.served.set("/tiny.tar.gz", { body: tiny.archive });
    await fetchTiny();
    expectPlaced();
  });

  test("Ctrl-C while the archive is unpacked: it is kept, and nothing is in place", async () => {
    server.served.set("/tiny.tar.gz", { body: tiny.archive });
    const stopping = io();
    const stderr = {
      write: (text: string) => {
        if (text.startsWith("Unpacking")) interrupt.abort();
      },
    };
    const running = fetchCifar(tiny.cifar10, directory, { ...options(), io: { ...stopping, stderr } });
    expect((await failure(running)).exitCode).toBe(130);
    expect(readdirSync(directory)).toEqual(["tiny.tar.gz.part"]);
    expect(readFileSync(join(directory, "tiny.tar.gz.part")).equals(tiny.archive)).toBe(true);
  });
});

test("two processes do not fetch into one directory at the same time", async () => {
  server.served.set("/tiny.tar.gz", { body: tiny.archive });
  mkdirSync(directory, { recursive: true });
  const lock = join(directory, ".fetching");
  writeFileSync(lock, String(process.ppid));
  const waiting = fetchTiny();
  while (!said.includes("waiting")) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(server.requests).toEqual([]);
  rmSync(lock);
  await waiting;
  expectPlaced();
});

test.each([
  ["whose process died", "999999999"],
  ["that an earlier process of the same number left, as in containers", String(process.pid)],
  ["without a number, as a full disk leaves it", ""],
  ["whose number another process has by now", String(process.ppid)],
])("a lock %s is no hindrance", async (_, holder) => {
  server.served.set("/tiny.tar.gz", { body: tiny.archive });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, ".fetching"), holder);
  await fetchCifar(tiny.cifar10, directory, { ...options(), staleMs: 50 });
  expectPlaced();
});

test("a lock that gives signs of life is waited for, however long", async () => {
  const path = join(base, "lock");
  const signals = { interrupt: interrupt.signal, staleMs: 100 };
  const release = await lock(path, { ...signals, onWait: () => {} });
  writeFileSync(path, String(process.ppid));
  let taken = false;
  const waiting = lock(path, { ...signals, onWait: () => {} }).then((releaseToo) => {
    taken = true;
    return releaseToo;
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(taken).toBe(false);
  release();
  (await waiting)();
  expect(existsSync(path)).toBe(false);
});

describe("where data is looked for", () => {
  const locate = (data?: string) => locateCifar(tiny.cifar10, tiny.cifar10.files, { ...options(), data });
  const put = (folder: string, names = Object.keys(tiny.records)) => {
    mkdirSync(folder, { recursive: true });
    for (const name of names) writeFileSync(join(folder, name), tiny.records[name]);
  };

  test("in --data, or its folder, before the cache", async () => {
    put(join(base, "a"));
    put(join(base, "b", "tiny"));
    expect(await locate(join(base, "a"))).toBe(join(base, "a"));
    expect(await locate(join(base, "b"))).toBe(join(base, "b", "tiny"));
    expect(server.requests).toEqual([]);
  });

  test("in the cache before the network, then there", async () => {
    server.served.set("/tiny.tar.gz", { body: tiny.archive });
    expect(await locate(join(base, "nowhere"))).toBe(directory);
    expect(said).toContain("nowhere");
    expectPlaced();
    expect(await locate()).toBe(directory);
    expect(server.requests).toHaveLength(1);
  });

  test("a directory with a part of the files is a mistake", async () => {
    put(join(base, "a"), ["test_batch.bin"]);
    const { code, message } = await failure(locate(join(base, "a")));
    expect(code).toBe("data-missing");
    expect(message).toContain("data_batch_1.bin");
  });

  test.each([
    ["truncated", (bytes: Uint8Array) => bytes.subarray(0, 5000), /truncated: 5000 bytes, expected 9219/],
    ["too long", (bytes: Uint8Array) => Buffer.concat([bytes, bytes]), /too long: 18438 bytes, expected 9219/],
    [
      "altered",
      (bytes: Uint8Array) => bytes.map((b, i) => (i === 0 ? 77 : b)),
      /altered: its SHA-256 is \w+, expected \w+/,
    ],
  ])("a file that is %s is refused, and left as it is", (_, change, message) => {
    put(directory);
    const path = join(directory, "test_batch.bin");
    const changed = change(tiny.records["test_batch.bin"]);
    writeFileSync(path, changed);
    expect(() => readVerified(tiny.cifar10, directory, tiny.cifar10.files[1])).toThrow(message);
    expect(() => readVerified(tiny.cifar10, directory, tiny.cifar10.files[1])).toThrow(path);
    expect(readFileSync(path).equals(changed)).toBe(true);
    let bytes = 0;
    readVerified(tiny.cifar10, directory, tiny.cifar10.files[0], (records) => {
      bytes += records.length;
    });
    expect(bytes).toBe(9219);
  });
});
