/** `mlc train` on drawn images: what it writes, and that stopping and going on changes nothing. */
import { readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeSafetensors } from "../../runtime/index.ts";
import { expectUserError, jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const model = work.file("small.model", SMALL);
/** 300 samples in batches of 32: nine of them and one of 12. */
const STEPS = 10;

const withoutTimes = (events: Record<string, unknown>[]) => events.map(({ ms, seconds, ...event }) => event);

test("--log has a line for each step, epoch and evaluation, as documented", async () => {
  const { code } = await mlc(["train", model, "--epochs", "2", "--log", work.path("a.jsonl")]);
  expect(code).toBe(0);
  const text = work.read("a.jsonl").toString();
  expect(text.split("\n")[0]).toMatch(
    /^\{"event":"step","step":1,"epoch":1,"loss":2\.\d+,"lr":0\.05,"n":32,"ms":[\d.]+\}$/,
  );
  const events = jsonLines(text);
  expect(events.map(({ event }) => event)).toEqual(
    [1, 2].flatMap(() => [...Array(STEPS).fill("step"), "epoch", "eval"]),
  );
  const steps = events.filter(({ event }) => event === "step");
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 2 * STEPS }, (_, i) => i + 1));
  expect(steps.map(({ n }) => n).slice(0, STEPS)).toEqual([...Array(9).fill(32), 12]);
  const sum = steps.slice(0, STEPS).reduce((total, { loss }) => total + (loss as number), 0);
  const epoch = events[STEPS];
  expect(Object.keys(epoch)).toEqual(["event", "epoch", "loss_sum", "loss_mean", "seconds"]);
  expect(epoch).toMatchObject({ epoch: 1, loss_sum: expect.closeTo(sum, 10), loss_mean: expect.closeTo(sum / 10, 10) });
  expect(Object.keys(events[STEPS + 1])).toEqual(["event", "epoch", "loss", "accuracy", "n"]);
  expect(events[STEPS + 1]).toMatchObject({ epoch: 1, n: 90 });
});

test("without a terminal: facts, then a line an epoch; --quiet says nothing; --json gives the log's events", async () => {
  const { stdout, stderr } = await mlc(["train", model, "--epochs", "2"]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(
    /^model {2,}small .*\nparameters {2,}1,514 in 4 tensors\nmemory .*\ndata {2,}synthetic: 300 .*\n/,
  );
  expect(stdout.match(/^epoch \d\/2 {2}loss \S+ \(sum \S+\) {2}evaluation loss \S+ {2}accuracy \S+%/gm)).toHaveLength(
    2,
  );
  expect(await mlc(["train", model, "--quiet"])).toEqual({ code: 0, stdout: "", stderr: "" });
  const json = await mlc(["train", model, "--epochs", "2", "--json", "--log", work.path("j.jsonl")]);
  const [start, ...events] = jsonLines(json.stdout);
  expect(start).toMatchObject({ event: "start", model: "small", parameters: 1514 });
  expect(events).toEqual(work.lines("j.jsonl"));
});

test("--save writes PyTorch's names; --init starts from them; eval agrees with the last evaluation", async () => {
  const weights = work.path("w.safetensors");
  await mlc(["train", model, "--save", weights, "--log", work.path("w.jsonl")]);
  const { tensors } = decodeSafetensors(work.read("w.safetensors"));
  expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual({
    "conv1.weight": [8, 3, 3, 3],
    "conv1.bias": [8],
    "fc.weight": [10, 128],
    "fc.bias": [10],
  });
  const { event: _, epoch: __, ...last } = work.lines("w.jsonl").at(-1)!;
  expect(jsonLines((await mlc(["eval", model, "--weights", weights, "--json"])).stdout)).toEqual([
    { event: "eval", ...last },
  ]);
  await mlc(["train", model, "--init", weights, "--epochs", "0", "--save", work.path("same.safetensors")]);
  expect(work.read("same.safetensors").equals(work.read("w.safetensors"))).toBe(true);
  await mlc(["train", model, "--init", weights, "--steps", "1", "--no-shuffle", "--log", work.path("i.jsonl")]);
  expect(work.lines("i.jsonl")[0]).toMatchObject({ step: 1, epoch: 1 });
  expect(work.lines("i.jsonl")[0].loss).toBeLessThan(2);
});

test("the number of threads changes nothing but the time", async () => {
  const run = async (threads: string) => {
    const name = `threads${threads}`;
    const { stdout } = await mlc(["train", model, "--threads", threads, "--save", work.path(name)]);
    return { weights: work.read(name).toString("latin1"), said: /^kernels .*$/m.exec(stdout)?.[0] };
  };
  const one = await run("1");
  expect(one.said).toMatch(/1 thread$/);
  for (const threads of ["2", "3", "4", "8"]) {
    const { weights, said } = await run(threads);
    expect(said).toMatch(new RegExp(`${threads} threads$`));
    expect(weights === one.weights).toBe(true);
  }
  const js = await mlc(["train", model, "--backend", "js", "--threads", "2", "--steps", "1"]);
  expect(js.stderr).toBe("note: the kernels run on one thread: they were compiled for one\n");
  expect((await mlc(["train", model, "--backend", "js", "--steps", "1"])).stderr).toBe("");
});

test("the seed decides everything", async () => {
  const run = async (seed: string, name: string) => {
    await mlc(["train", model, "--seed", seed, "--save", work.path(name)]);
    return work.read(name).toString("base64");
  };
  const [one, again, other] = [await run("1", "s1"), await run("1", "s2"), await run("2", "s3")];
  expect(again).toBe(one);
  expect(other).not.toBe(one);
});

test("--steps counts the steps of the run, across epochs", async () => {
  const { code, stdout } = await mlc(["train", model, "--steps", "34", "--log", work.path("n.jsonl")]);
  expect(code).toBe(0);
  expect(stdout).toContain("stopped after step 34");
  const events = work.lines("n.jsonl");
  expect(events.filter(({ event }) => event === "step")).toHaveLength(34);
  expect(events.at(-1)).toMatchObject({ event: "step", step: 34, epoch: 4 });
});

test("--set and --batch take the place of the model's values", async () => {
  await mlc([
    "train",
    model,
    "--set",
    "optimizer.lr=0.01",
    "--set",
    "train.epochs=1",
    "--batch",
    "100",
    "--log",
    work.path("o.jsonl"),
  ]);
  const steps = work.lines("o.jsonl").filter(({ event }) => event === "step");
  expect(steps.map(({ n, lr }) => [n, lr])).toEqual(Array(3).fill([100, 0.01]));
});

test("both backends follow the same losses", async () => {
  const losses = async (...options: string[]) => {
    await mlc(["train", model, "--epochs", "1", "--log", work.path("b.jsonl"), ...options]);
    return work.lines("b.jsonl").flatMap(({ event, loss }) => (event === "step" ? [loss as number] : []));
  };
  const exact = await losses("--backend", "js", "--precision", "f64");
  expect(exact).toHaveLength(STEPS);
  for (const other of [await losses(), await losses("--backend", "js")]) {
    other.forEach((loss, i) => expect(Math.abs(loss / exact[i] - 1)).toBeLessThan(1e-5));
    expect(other).not.toEqual(exact);
  }
});

describe("stopped and resumed, a run ends with the bytes of one that was not", () => {
  const run = (name: string, ...options: string[]) => [
    ...["train", model, "--checkpoint-dir", work.path(name), "--save", work.path(`${name}.st`)],
    ...["--log", work.path(`${name}.jsonl`), ...options],
  ];
  const whole = mlc(run("whole"));

  async function expectSameAsWhole(name: string): Promise<void> {
    await whole;
    expect(work.read(`${name}.st`).equals(work.read("whole.st"))).toBe(true);
    const last = "step-00000030.safetensors";
    expect(work.read(`${name}/${last}`).equals(work.read(`whole/${last}`))).toBe(true);
    expect(withoutTimes(work.lines(`${name}.jsonl`))).toEqual(withoutTimes(work.lines("whole.jsonl")));
  }

  test("after an epoch", async () => {
    // `epochs` belongs to the run: a schedule may depend on it.
    await mlc([...run("epoch"), "--steps", "10"]);
    expect(readdirSync(work.path("epoch"))).toEqual(["step-00000010.safetensors"]);
    expect((await mlc(run("epoch", "--resume"))).stdout).toContain("after step 10, in epoch 2");
    await expectSameAsWhole("epoch");
  });

  test("within an epoch, by Ctrl-C", async () => {
    const stopped = await mlc(run("cut", "--json"), (text, interrupt) => text.includes('"step":14,') && interrupt());
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toBe("");
    expect(jsonLines(stopped.stdout).at(-1)).toMatchObject({ event: "error", code: "interrupted" });
    expect(decodeSafetensors(work.read("cut.st")).tensors.size).toBe(4);
    const [, atCut] = readdirSync(work.path("cut"));
    expect(atCut).toMatch(/^step-000000(1[4-9])\.safetensors$/);
    await mlc(run("cut", "--resume"));
    await expectSameAsWhole("cut");
  });

  test("in the evaluation after an epoch, by Ctrl-C: that is done again", async () => {
    const stopped = await mlc(run("eval", "--json"), (text, interrupt) => text.includes('"step":20,') && interrupt());
    expect(stopped.code).toBe(130);
    expect(work.lines("eval.jsonl").at(-1)).toMatchObject({ event: "step", step: 20 });
    expect((await mlc(run("eval", "--resume"))).stdout).toContain("after step 20, in epoch 2");
    await expectSameAsWhole("eval");
  });

  test("within an epoch, by --steps", async () => {
    await mlc([...run("steps"), "--steps", "17"]);
    expect(readdirSync(work.path("steps"))).toEqual(["step-00000010.safetensors", "step-00000017.safetensors"]);
    expect((await mlc(run("steps", "--resume"))).stdout).toContain("after step 17, in epoch 2");
    await expectSameAsWhole("steps");
  });

  test("killed: what the log has from after the checkpoint happens again, once", async () => {
    await mlc([...run("killed"), "--steps", "17"]);
    expect(work.lines("killed.jsonl").at(-1)).toMatchObject({ step: 17 });
    rmSync(work.path("killed/step-00000017.safetensors"));
    await mlc(run("killed", "--resume"));
    await expectSameAsWhole("killed");
  });

  test("killed while it wrote a checkpoint: what it left is removed once no process can be writing it", async () => {
    const folder = work.path("leftovers");
    const unfinished = (pid: number, minutes: number) => {
      const path = join(folder, `step-00000007.safetensors.${pid}.tmp`);
      writeFileSync(path, "unfinished");
      utimesSync(path, Date.now() / 1000, Date.now() / 1000 - 60 * minutes);
      return basename(path);
    };
    await mlc([...run("leftovers"), "--steps", "10"]);
    const [dead, fresh, alive] = [unfinished(999999999, 2), unfinished(999999998, 0), unfinished(process.ppid, 2)];
    writeFileSync(join(folder, "notes.1.tmp"), "another's");
    await mlc(run("leftovers", "--resume"));
    await expectSameAsWhole("leftovers");
    const left = readdirSync(folder);
    expect(left).toEqual(expect.arrayContaining([fresh, alive, "notes.1.tmp"]));
    expect(left).not.toContain(dead);
  });

  test("with nothing to resume from, the run begins", async () => {
    expect((await mlc(run("fresh", "--resume"))).stderr).toContain("No checkpoint");
    await expectSameAsWhole("fresh");
  });

  test("another seed is another run", async () => {
    await whole;
    expectUserError(await mlc(run("whole", "--resume", "--seed", "5")), "--seed 0, not 5");
  });
});

test("Ctrl-C without a place to save to says so, exit code 130", async () => {
  const { code, stderr } = await mlc(
    ["train", model, "--json"],
    (text, interrupt) => text.includes('"step":3,') && interrupt(),
  );
  expect(code).toBe(130);
  expect(stderr).toBe("");
});
