/** The comparison's rules, on workers that answer what they are told to. */
import { expect, test } from "vitest";

const load = (name: string) => import(new URL(name, import.meta.url).href);
const { takeTurns } = await load("compare.mjs");
const { findPeers } = await load("contenders.mjs");

/** Answers each request for steps with as many times `milliseconds`, but `first` for the first; that gives `result`. */
function answering(milliseconds: number, result: number, first = milliseconds): string[] {
  const script = `
    console.log(JSON.stringify({ version: "1.0" }));
    let done = 0;
    require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const count = Number(line);
      const results = done === 0 ? [[${result}]] : [];
      done += count;
      const time = done === count ? ${first} : ${milliseconds};
      console.log(JSON.stringify({ milliseconds: Array(count).fill(time), results }));
    });`;
  return [process.execPath, "-e", script];
}

const ours = { name: "mlc 1t", threads: 1, command: answering(2, 1) };
const peer = (name: string, threads: number | null, command: string[]) => ({ name, peer: name, threads, command });

const options = { rounds: 3, steps: 4, limit: 60, title: "t", comparable: true, progress: () => {} };
const compared = (...peers: ReturnType<typeof peer>[]) => takeTurns([ours, ...peers], options);

test("ratios of the peers' times to ours, and the fastest of them", async () => {
  const theirs = peer("torch eager 1t", 1, answering(6, 1));
  const result = await compared(theirs, peer("torch compile 1t", 1, answering(3, 1)));
  expect(result.milliseconds["torch eager 1t"]).toMatchObject({ median: 6, samples: 12 });
  expect(result.ratios["torch eager 1t"]).toEqual({ median: 3, min: 3, max: 3 });
  expect(result.fastest).toEqual({ "1t": { peer: "torch compile 1t", ratio: 1.5 } });
  expect(result.versions).toMatchObject({ "torch eager 1t": "1.0" });
  expect(result.notes).toEqual([]);
});

test("a slow peer runs one step beside its first", async () => {
  const { milliseconds, ratios } = await compared(peer("tfjs", null, answering(60_000, 1)));
  expect(milliseconds.tfjs.samples).toBe(1);
  expect(ratios["tfjs / mlc 1t"].median).toBe(30_000);
  expect(milliseconds["mlc 1t"].samples).toBe(12);
});

test("a first step that compiles says nothing of those behind it", async () => {
  const { milliseconds } = await compared(peer("torch compile 1t", 1, answering(4, 1, 60_000)));
  expect(milliseconds["torch compile 1t"]).toMatchObject({ max: 4, samples: 12 });
});

test("results that differ are told", async () => {
  const { agreement, notes } = await compared(
    peer("near", 1, answering(1, 1.00001)),
    peer("far", 1, answering(1, 1.5)),
    peer("nan", 1, answering(1, Number.NaN)),
  );
  expect(agreement.near).toBeCloseTo(1e-5, 7);
  expect(notes).toEqual([
    "far computes something else: its results differ by 0.5",
    "nan computes something else: its results differ by 1",
  ]);
});

test("who fails is left out, and says why", async () => {
  const failing = [process.execPath, "-e", 'throw new TypeError("no such layer")'];
  const { milliseconds, notes } = await compared(
    peer("failing", 1, failing),
    peer("absent", 1, ["/no/such/program"]),
    peer("there", 1, answering(1, 1)),
  );
  expect(Object.keys(milliseconds)).toEqual(["mlc 1t", "there"]);
  expect(notes).toEqual([
    "failing is left out: TypeError: no such layer",
    expect.stringMatching(/^absent is left out: .*ENOENT/),
  ]);
});

test("who does not answer is left out", async () => {
  const silent = peer("silent", 1, [process.execPath, "-e", "setInterval(() => {}, 1000)"]);
  const { milliseconds, notes } = await takeTurns([silent], { ...options, limit: 0.5 });
  expect(milliseconds).toEqual({});
  expect(notes).toEqual(["silent is left out: it was not ready within 0.5 s (--limit)"]);
});

test("who takes too long for a step is left out, with what is known of the ratio", async () => {
  const endless = peer("endless", null, [process.execPath, "-e", "console.log('{}'); setInterval(() => {}, 1000)"]);
  const { milliseconds, notes } = await takeTurns([ours, endless], { ...options, limit: 2 });
  expect(Object.keys(milliseconds)).toEqual(["mlc 1t"]);
  expect(notes).toEqual([
    "endless is left out: one step took more than 2 s (--limit), over 1000 times as long as mlc 1t",
  ]);
});

test("peers that are not installed are named, with the way to install them", () => {
  const { peers, notes } = findPeers(["tfjs", "jax"], {});
  expect(peers).toEqual([]);
  expect(notes).toEqual([
    expect.stringMatching(/^@tensorflow\/tfjs is left out.*npm install @tensorflow\/tfjs.*MLC_BENCH_PEERS/),
    expect.stringMatching(/^@jax-js\/jax is left out.*npm install @jax-js\/jax.*MLC_BENCH_PEERS/),
  ]);
});
