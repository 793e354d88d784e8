/** `mlc eval`, and the evaluations of `train`: numbers in a line, vectors and matrices as tables, all of them in JSON. */
import { beforeAll, expect, test } from "vitest";
import { jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const metrics = `metric accuracy(net, label)
  metric confusion_matrix(net, label)
  metric precision(net, label)
  metric recall(net, label)
  metric pair: constants([1, 0.5])
  metric total: cross_entropy(net, label, reduction = sum)`;
const model = work.file("small.model", SMALL.replace("metric accuracy(net, label)", metrics));
const weights = work.path("w.safetensors");
const run = { log: work.path("log.jsonl"), board: work.path("board") };

beforeAll(async () => {
  const files = ["--save", weights, "--log", run.log, "--tensorboard", run.board];
  const { stdout } = await mlc(["train", model, "--epochs", "1", ...files]);
  expect(stdout).toMatch(/^epoch 1\/1 .* evaluation loss \S+ {2}accuracy \S+% {2}total \S+ {2}[\d.]+ m?s /m);
}, 120_000);

test("--json has every metric whole, as the log of the run", async () => {
  const [found] = jsonLines((await mlc(["eval", model, "--weights", weights, "--json"])).stdout);
  const { epoch: _, ...logged } = work.lines("log.jsonl").at(-1)!;
  expect(found).toEqual(logged);
  const counts = found.confusion_matrix as number[][];
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  expect(counts.map(({ length }) => length)).toEqual(Array(10).fill(10));
  expect(sum(counts.flat())).toBe(found.n);
  expect(sum(counts.map((row, i) => row[i])) / 90).toBeCloseTo(found.accuracy as number, 6);
  counts.forEach((row, i) => {
    expect((found.recall as number[])[i]).toBeCloseTo(row[i] / Math.max(1, sum(row)), 6);
    expect((found.precision as number[])[i]).toBeCloseTo(row[i] / Math.max(1, sum(counts.map((r) => r[i]))), 6);
  });
  expect(found.total).toBeCloseTo((found.loss as number) * 90, 3);
});

test("people see tables, with the names of the classes", async () => {
  const { stdout } = await mlc(["eval", model, "--weights", weights, "--threads", "1"]);
  const [line, ...tables] = stdout.split("\n\n");
  expect(line).toMatch(/^loss \S+ {2}accuracy \S+% {2}total \S+ {2}on 90 samples$/);
  const [vectors, pair, matrix] = tables.map((table) => table.trimEnd().split("\n"));
  expect(vectors[0]).toMatch(/^ +precision +recall$/);
  expect(vectors[1]).toMatch(/^0 disc +[\d.]+ +[\d.]+$/);
  expect(vectors).toHaveLength(11);
  expect(pair).toEqual(["     pair", "0  1.0000", "1  0.5000"]);
  expect(matrix[0]).toMatch(/^confusion_matrix +0 +1 .* +9$/);
  expect(matrix[10]).toMatch(/^9 gradient( +\d+){10}$/);
});
