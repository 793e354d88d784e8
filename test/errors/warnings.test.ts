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

const SOFT = "net { flatten; fc: linear(10) |> softmax }";
const LOG_SOFT = "net { flatten; fc: linear(10) |> log_softmax }";
const given = (loss: string, found: string) => `\`${loss}\` is given what \`${found}\` made`;

it.each([
  ["after the net", `${SOFT}\nloss 0.5 * cross_entropy(net, label)`, given("cross_entropy", "softmax")],
  ["in the loss", "loss cross_entropy(softmax(net), label)", given("cross_entropy", "softmax")],
  ["in a pipe", "loss net |> softmax |> cross_entropy(label)", given("cross_entropy", "softmax")],
  [
    "of a named output",
    "net { flatten; output a = linear(10) |> softmax; linear(10) }\nloss cross_entropy(net.a, label) + cross_entropy(net, label)",
    given("cross_entropy", "softmax"),
  ],
  [
    "in one's own loss",
    "loss own(p, t) = cross_entropy(softmax(p), t, reduction = none)\nloss own(net, label)",
    given("cross_entropy", "softmax"),
  ],
  [
    "of one's own making",
    "net { flatten; fc: linear(10); exp(fc) / sum(exp(fc), axis = 1, keepdim = true) }",
    given("cross_entropy", "softmax"),
  ],
  ["with a logarithm", LOG_SOFT, given("cross_entropy", "log_softmax")],
  ["without one", `${SOFT}\nloss nll(net, label)`, given("nll", "softmax")],
  [
    "as a sigmoid",
    "target label: f32[10]\nnet { flatten; fc: linear(10) |> sigmoid }\nloss bce_with_logits(net, label)",
    given("bce_with_logits", "sigmoid"),
  ],
])("an activation that the loss is not made for, %s", (_, clauses, message) => {
  const found = messages(clauses);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

it.each([
  ["its own logarithm", `${LOG_SOFT}\nloss nll(net, label)`],
  ["a distance", `${SOFT}\nloss mse(net, one_hot(label, 10))`],
  ["a softmax among other things", "net { flatten; fc: linear(10); fc * softmax(fc) }"],
  ["a target of probabilities", "loss cross_entropy(net, softmax(one_hot(label, 10)))"],
])("an activation that the loss is made for: %s", (_, clauses) => expect(messages(clauses)).toEqual([]));

it.each([
  ["a constant with the name of an argument", "let lr = 0.05\noptimizer sgd(lr = 0.1)", "nothing uses `lr`"],
  [
    "a constant with the name of a member",
    "let shape = 3\nnet { reshape(in, [n, in.shape[1] * 64]); fc: linear(10) }",
    "nothing uses `shape`",
  ],
  ["a shared layer", "net { share tower = linear(3); flatten; fc: linear(10) }", "nothing uses `tower`"],
  [
    "a rate that an optimizer in the model does not use",
    "optimizer plain(lr: scalar) { param -= 0.01 * grad }\noptimizer plain(lr = cosine(0.1, T_max = 3))",
    "the optimizer `plain` does not use its argument `lr`",
  ],
  [
    "a rate that each group has of its own",
    'optimizer sgd(0.1, momentum = 0.9) {\n"*.bias": lr = 0.2\n"*": lr = 0.3, momentum = 0\n}',
    "this learning rate has no effect: the groups behind it take all parameters, and each has its own",
  ],
])("without effect: %s", (_, clauses, message) => expect(messages(clauses)).toEqual([message]));

it.each([
  ["a rate that the rest has", 'optimizer sgd(lr = 0.1) { "*.bias": lr = 0.2 }'],
  ["a constant in a message", 'let least = 3\nassert 2 > 1, "at least {least}"'],
  ["a constant that is an argument's value", "let lr = 0.05\noptimizer sgd(lr = lr)"],
])("with an effect: %s", (_, clauses) => expect(messages(clauses)).toEqual([]));
