/** What the comparison of backends holds to be rounding. */
import { expect, it } from "vitest";
import { line, PLAIN, type RandomModel } from "./program.ts";
import { referenceOf } from "./reference.ts";

/** The first and the last row of the 5 × 5 window never meet an image of 2 rows: their gradient is 0, and rprop goes by its sign. */
const MODEL: RandomModel = {
  ...PLAIN,
  inputs: ["input x: f32[3, 2, 5]"],
  definitions: [],
  net: [line("conv: conv2d(2, kernel = 5, padding = 2)"), line("flatten"), line("fc: linear(3)")],
  optimizer: "rprop(lr = 0.01)",
};

it("Winograd's algorithm may turn the sign of a gradient that is 0, convolutions by their definition may not", async () => {
  const [step] = (await referenceOf(MODEL)).steps;
  const spread = (winograd: boolean): number => step.spread({ bits: 23, winograd }, 2).get("conv.weight")!;
  expect(spread(true)).toBeCloseTo(0.01, 5);
  expect(spread(false)).toBeLessThan(1e-6);
});

it("a gradient p − 1 of a class that is all but certain rounds as p does", async () => {
  const model: RandomModel = {
    ...MODEL,
    definitions: ["optimizer capture() { param = grad }"],
    net: [line("flatten"), line("fc: linear(3)"), line("fc + constants([20, 0, 0])")],
    loss: "cross_entropy(net, argmax(net, axis = 1))",
    optimizer: "capture",
  };
  const [step] = (await referenceOf(model)).steps;
  const gradients = step.expected.get("fc.bias")!.data;
  expect(Math.max(...gradients.map(Math.abs))).toBeLessThan(1e-6);
  expect(step.spread({ bits: 50, winograd: false }, 3).get("fc.bias")).toBeGreaterThan(2 ** -52);
});

it("what is added to all of softmax's operands has a gradient of 0, rounded as the terms that cancel", async () => {
  const model: RandomModel = {
    ...MODEL,
    definitions: ["optimizer capture() { param = grad }", "layer shift { param by[1] ~ ones; in + by }"],
    net: [line("flatten"), line("fc: linear(3)"), line("shift"), line("softmax")],
    loss: "mean(net * constants([1000, 1000, 1000.001]))",
    optimizer: "capture",
  };
  const [step] = (await referenceOf(model)).steps;
  expect(Math.abs(step.expected.get("shift.by")!.data[0])).toBeLessThan(1e-14);
  expect(step.spread({ bits: 23, winograd: false }, 3).get("shift.by")).toBeGreaterThan(1e-5);
});

it("the largest element stays the largest under noise", async () => {
  const net = [line("fc: linear(6)"), line("max(axis = 1)")];
  const model = { ...MODEL, inputs: ["input x: f32[4]"], net, loss: "sum(net)", optimizer: "sgd(lr = 1)" };
  const [step] = (await referenceOf(model)).steps;
  expect(step.spread({ bits: 23, winograd: false }, 2).get("fc.weight")!).toBeLessThan(1e-6);
});
