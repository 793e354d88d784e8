/** The models that people start from, and the documentation's, give no warning but those that are meant. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { modelWith, warningsOf } from "./front-end.ts";

const modelsOf = (folder: string): [name: string, text: string][] => {
  const path = fileURLToPath(new URL(`../../${folder}`, import.meta.url));
  const names = readdirSync(path).filter((name) => name.endsWith(".model"));
  return names.map((name) => [`${folder}/${name}`, readFileSync(`${path}/${name}`, "utf8")]);
};

/** LeNet-5 has 6 maps, as its authors chose. */
const MEANT: Readonly<Record<string, readonly string[]>> = { "models/lenet5.model": ["wasted-lanes"] };

it.each([...modelsOf("models"), ...modelsOf("docs/examples")])("%s", (name, text) => {
  expect(warningsOf(text).map(({ code }) => code)).toEqual(MEANT[name] ?? []);
});

const messages = (clauses: string): string[] => warningsOf(modelWith(clauses)).map(({ message }) => message);
const lanes = (net: string): string[] => messages(`net { ${net}; flatten; fc: linear(10) }`);

it.each([
  ["conv2d(13, kernel = 3)", "16 SIMD lanes for 13 channels leave 3 idle: 14% of"],
  ["conv2d(1, kernel = 3)", "4 SIMD lanes for 1 channel leave 3 idle: 68% of"],
  ["conv2d(16, kernel = 1); conv2d(18, kernel = 3, groups = 2)", "12 SIMD lanes for 9 channels leave 3 idle"],
  ["conv_transpose2d(5, kernel = 3)", "8 SIMD lanes for 5 channels leave 3 idle"],
  ["flatten; linear(33); relu", "36 SIMD lanes for 33 features leave 3 idle: 8% of"],
  ["repeat 3 { conv2d(6, kernel = 3) }", "8 SIMD lanes for 6 channels leave 2 idle"],
])("idle lanes: %s", (net, message) => {
  const found = lanes(net);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

it.each([
  ["whole vectors", "conv2d(12, kernel = 3)"],
  ["as many channels as the image has", "conv2d(3, kernel = 1)"],
  ["channels by themselves", "conv2d(16, kernel = 3); conv2d(16, kernel = 3, groups = 16)"],
  ["a small part of the work", "conv2d(16, kernel = 3); conv2d(32, kernel = 3); flatten; linear(6)"],
])("no idle lanes: %s", (_, net) => expect(lanes(net)).toEqual([]));

const unstable = (value: string): string[] => messages(`loss mean(${value})`).filter((text) => text.includes(" is "));

it.each([
  ["log(sum(softmax(net) * one_hot(label, 10), axis = 1))", "`log` of a probability of `softmax` is −∞"],
  ["one_hot(label, 10) * log(sigmoid(net) * softmax(net))", "`log` of a probability of `sigmoid` is −∞"],
  ["net / sqrt(sum(net ^ 2, axis = 1, keepdim = true))", "`sqrt` of a sum of squares is 0 with an infinite gradient"],
  ["(net * net |> sum(axis = 1)) ^ 0.5", "`sqrt` of a sum of squares is 0 with an infinite gradient"],
  ["sqrt(abs(net))", "`sqrt` of an absolute value is 0 with an infinite gradient"],
])("unstable: %s", (value, message) => {
  const found = unstable(value);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

it.each([
  "log(softmax(net))",
  "log(sigmoid(net)) + log(1 - sigmoid(net))",
  "log(1 + exp(net))",
  "log(sum(exp(net), axis = 1))",
  "log(softmax(net) * one_hot(label, 10) + 1e-8)",
  "log(maximum(softmax(net), 1e-8))",
  "net / sqrt(sum(net ^ 2, axis = 1, keepdim = true) + 1e-12)",
  "cosine_embedding(net, one_hot(label, 10), 1 - 2 * label % 2)",
])("stable: %s", (value) => expect(unstable(value)).toEqual([]));
