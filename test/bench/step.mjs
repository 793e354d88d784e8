/** A training step of the reference network, batch 64, one thread: mlc and PyTorch in alternating rounds of one run. */
import { median, round, summary } from "./statistics.mjs";
import { findPython, startTorch } from "./torch.mjs";

const BATCH = 64;
const WARM_UP = 5;

export async function measureSteps(mlc, source, { overrides, rounds, steps }) {
  const start = (numerics) => mlc.startSteps(source, { overrides, batch: BATCH, numerics });
  const peers = { mlc: await start("strict"), mlc_fast: await start("fast") };
  const python = findPython();
  const workers = python ? await startWorkers(python) : {};
  Object.assign(peers, workers);
  const times = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
  try {
    for (const peer of Object.values(peers)) await peer.times(WARM_UP);
    for (let turn = 0; turn < rounds; turn++) {
      for (const [name, peer] of Object.entries(peers)) times[name].push(await peer.times(steps));
    }
  } finally {
    for (const worker of Object.values(workers)) worker.stop();
  }
  return { batch: BATCH, threads: 1, rounds, torch: workers.torch?.version ?? null, ...report(times) };
}

async function startWorkers(python) {
  const start = (layout) => startTorch(python, { threads: 1, batch: BATCH, layout });
  return { torch: await start("eager"), torch_channels_last: await start("channels_last") };
}

/** Times of every step, and ours (strict and fast) as a multiple of each peer's: in each round, then the median and the extremes of the rounds. */
function report(times) {
  const milliseconds = Object.fromEntries(
    Object.entries(times).map(([name, rounds]) => [name, summary(rounds.flat())]),
  );
  const over = (ours) =>
    Object.fromEntries(
      Object.entries(times)
        .filter(([name]) => !name.startsWith("mlc"))
        .map(([name, rounds]) => {
          const each = rounds.map((theirs, i) => median(times[ours][i]) / median(theirs));
          return [name, { median: round(median(each)), min: round(Math.min(...each)), max: round(Math.max(...each)) }];
        }),
    );
  return { milliseconds, mlc_over: over("mlc"), mlc_fast_over: over("mlc_fast") };
}
