/** The tables that random models are made of: all of the library is in them, and each entry can stand somewhere. */
import { expect, it } from "vitest";
import { libraryNames, usesOf } from "./coverage.ts";
import { FORMS } from "./expressions.ts";
import { fitsSomewhere, isValid } from "./generate.ts";
import { endingOf, HEADS, LOSSES } from "./heads.ts";
import { DEFINITIONS, TABLES } from "./layers.ts";
import { line, modelText, PLAIN, type RandomModel } from "./program.ts";
import { Random } from "./random.ts";
import { expand } from "./template.ts";
import { GROUPS, OPTIMIZERS, OWN_OPTIMIZERS, SCHEDULES, SETTINGS } from "./training.ts";

const heads = HEADS.flatMap(({ end, losses, metrics }) => [end, ...losses, ...metrics]);
const training = [...OPTIMIZERS, ...SCHEDULES, ...GROUPS, ...SETTINGS];

it("all of the library is in the tables", () => {
  const tables = [...TABLES.flatMap(({ steps }) => steps), ...DEFINITIONS, ...FORMS, ...heads, ...training];
  // The first step for words, and what the library makes it, `orthogonal`, `dirac` and `sparse` of.
  const elsewhere = [
    "embedding",
    "scatter_rows",
    "normal_table",
    "orthogonal_matrix",
    "identity_kernel",
    "sparse_matrix",
  ];
  const unused = [...usesOf(libraryNames(), tables)].filter(([, uses]) => uses === 0).map(([name]) => name);
  expect(unused.filter((name) => !elsewhere.includes(name))).toEqual([]);
});

it.each(TABLES)("each step for values of rank $rank fits some of them", ({ rank, steps }) => {
  expect([...new Set(steps)].filter((step) => !fitsSomewhere(step, rank))).toEqual([]);
});

const MODEL: RandomModel = {
  ...PLAIN,
  inputs: ["input x: f32[3, 4, 5]"],
  definitions: [...LOSSES, ...OWN_OPTIMIZERS],
  net: [line("conv2d(4, kernel = 3)"), line("flatten"), line("linear(5)")],
  optimizer: "sgd(lr = 0.1)",
};

it("each optimizer, schedule, group of parameters and setting is valid", () => {
  const random = new Random(1);
  const names = { lr: "lr = 0.1" };
  const models = [
    ...OPTIMIZERS.map((optimizer) => ({ ...MODEL, optimizer: expand(optimizer, random, names) })),
    ...SCHEDULES.map((schedule) => ({ ...MODEL, optimizer: `sgd(lr = ${expand(schedule, random)})` })),
    ...GROUPS.map((group) => ({ ...MODEL, groups: [expand(group, random)] })),
    ...SETTINGS.map((setting) => ({ ...MODEL, settings: [expand(setting, random)] })),
  ];
  expect(models.filter((model) => !isValid(model)).map(modelText)).toEqual([]);
});

it("each loss and metric is valid", () => {
  const random = new Random(1);
  const models = HEADS.flatMap((head) =>
    [...head.losses, ...head.metrics].map((text): RandomModel => {
      const isLoss = head.losses.includes(text);
      const only = isLoss ? { ...head, losses: [text], metrics: [] } : { ...head, metrics: Array(20).fill(text) };
      const { target, end, loss, metrics } = endingOf(only, random, [3, 4, 5], "net", "label");
      return { ...MODEL, targets: [target], net: [], head: [line(end)], loss, metrics };
    }),
  );
  expect(models.filter((model) => !isValid(model)).map(modelText)).toEqual([]);
});
