/** `mlc check`: diagnostics for people and for tools. */
import { describe, expect, test } from "vitest";
import { expectUserError, jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const good = work.file("good.model", SMALL);
const bad = work.file(
  "bad.model",
  SMALL.replace("max_pool2d(2)", "max_pool(2)").replace("linear(10)", "linear(width = 10)"),
);

test("a model without errors", async () => {
  expect(await mlc(["check", good])).toEqual({ code: 0, stdout: `${good}: no errors\n`, stderr: "" });
  expect(await mlc(["check", good, "--json"])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await mlc(["check", good, "--quiet"])).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("every error of every file, with place, source and caret", async () => {
  const result = await mlc(["check", good, bad, work.path("none.model")]);
  expectUserError(result, `${bad}:7:5`, "max_pool(2)", /\^{8}/, "max_pool2d", `${bad}:10:16`, "none.model", "ENOENT");
  expect(result.stdout).toBe(`${good}: no errors\n`);
});

test("as JSON, one object a line", async () => {
  const { code, stdout, stderr } = await mlc(["check", bad, work.path("none.model"), "--json"]);
  expect(code).toBe(1);
  expect(stderr).toBe("");
  const [first, ...others] = jsonLines(stdout);
  expect(first).toMatchObject({
    event: "diagnostic",
    severity: "error",
    place: { file: bad, line: 7, column: 5, endLine: 7, endColumn: 13 },
  });
  expect(first.code).toBeTypeOf("string");
  expect(first.help).toContain("max_pool2d");
  expect(others.at(-1)).toMatchObject({ event: "error", code: "file" });
});

describe("files that are no models", () => {
  test.each<[string, string | Uint8Array]>([
    ["empty", ""],
    ["noise", Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 2654435761) >>> 13)],
    ["one long line", "a ".repeat(500_000)],
    ["no end of brackets", "model m { net { ".repeat(10_000)],
    ["no text", new Uint8Array(1000)],
  ])("%s", async (_, content) => {
    expectUserError(await mlc(["check", work.file("noise.model", content)]), "error");
  });

  test("a directory", async () => {
    expectUserError(await mlc(["check", work.directory]), "EISDIR");
  });
});

test("--set is checked too, and its errors are placed in it", async () => {
  expectUserError(await mlc(["check", good, "--set", "optimizer.rate=1"]), "--set:1:1", "optimizer.rate=1");
  expectUserError(await mlc(["check", good, "--set", "train.epochs=)"]), "--set", "train.epochs=)");
});

describe("gradients against finite differences", () => {
  const definitions = `fn swish(x) = x * sigmoid(x)
fn picked(x, y) = sum(x * one_hot(y, 10), axis = 1)
fn twice(k) = 2 * k
fn unused(x) = x ^ 2
fn held(x, y) = x * stop_gradient(y)
fn weights(t) = softmax(constants(t), axis = 0)
layer scaled {
  param gain[in.features] ~ ones
  dropout(swish(in) * gain, 0.3)
}
loss sharp(x, y) = cross_entropy(x, y) ^ 2
`;
  const net = SMALL.replace("flatten\n", "flatten\n hidden: linear(twice(8)); first: scaled\n");
  const loss =
    "loss sharp(net, label) + 0.1 * mean(picked(net, label)) + mean(held(net, net + 1) * weights([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]))";
  const right = work.file("grad.model", definitions + net.replace("loss cross_entropy(net, label)", loss));
  const wrong = work.file(
    "wrong.model",
    `fn gated(x) = x * sigmoid(stop_gradient(x))\n${SMALL.replace("relu\n", "gated\n")}`,
  );

  test("agree, with what is skipped and why", async () => {
    const { code, stdout, stderr } = await mlc(["check", right, "--grad"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of ["fn swish", "layer scaled", "fn picked", "loss sharp", "the loss"]) {
      expect(stdout).toMatch(new RegExp(`${name}.*\n.*\n  \\S+ +[1-9].* agrees\n`));
    }
    expect(stdout).toMatch(/first\.gain +16 +\S+ +\S+ +agrees/);
    expect(stdout).toContain("with its random numbers held");
    expect(stdout).toMatch(/y +skipped: it is i32, which has no gradient/);
    expect(stdout).toMatch(/y +skipped: it stands behind stop_gradient/);
    expect(stdout).not.toContain("differs");
    expect(stdout).toContain("unused is skipped: neither the net nor the loss applies it");
    expect(stdout).toContain("weights is skipped: it is given nothing that has a gradient");
    expect(stdout).toContain("twice is skipped: its result is 16, not a tensor of floats");
  });

  test("differ where a part of the function is a constant of differentiation", async () => {
    const result = await mlc(["check", wrong, "--grad"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("the gradient of `gated` with respect to `x[");
    expect(result.stdout).toMatch(/conv1\.weight +\d+ .*agrees/);
    expect(result.stdout).toMatch(/x +1 +-?[\d.e-]+ +-?[\d.e-]+ +differs at x\[/);
    expect((await mlc(["check", wrong])).code).toBe(0);
  });

  test("find the one element of many whose gradient is not that of the value", async () => {
    const partly = "fn partly(x) = x + constants([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) * stop_gradient(x) ^ 2\n";
    const file = work.file("partly.model", partly + SMALL.replace(/(fc\w*: linear\(10\))/, "$1 |> partly"));
    const result = await mlc(["check", file, "--grad"]);
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/x +1 .*differs at x\[\d, 3\]/);
  });

  test("of many parameters compare some by themselves and the others together", async () => {
    const deep = "layer deep { repeat 12 { linear(8) }; sigmoid }\n";
    const file = work.file("deep.model", deep + SMALL.replace("flatten\n", "flatten\n deep\n"));
    const { code, stdout } = await mlc(["check", file, "--grad"]);
    expect(code).toBe(0);
    const [, table] = stdout.split(/layer deep.*\n.*\n/);
    const rows = table.split("\n").slice(0, 5);
    expect(rows.filter((row) => / agrees$/.test(row))).toHaveLength(5);
    expect(rows[4]).toMatch(/^ {2}21 others +\d+ /);
  });

  test("see a wrong gradient that is small beside the others of its row", async () => {
    const deep = `layer deep {
  let parts = concat([in |> a: linear(8), in |> b: linear(8), in |> c: linear(8)])
  param shift[24] ~ zeros
  1e6 * parts + shift + stop_gradient(shift)
}
`;
    const file = work.file("small.model", deep + SMALL.replace("flatten\n", "flatten\n deep\n"));
    const { code, stdout } = await mlc(["check", file, "--grad"]);
    expect(stdout).toMatch(/others .*differs at deep\.shift/);
    expect(code).toBe(1);
  });

  test("leave jumps out, which have no derivative", async () => {
    const file = work.file("jump.model", SMALL.replace("relu\n", "jump\n").concat("fn jump(x) = x + floor(4 * x)\n"));
    const { code, stdout } = await mlc(["check", file, "--grad"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/x +[1-9]\d* +\S+ +\S+ +agrees/);
  });

  test("as JSON", async () => {
    const { code, stdout } = await mlc(["check", wrong, "--grad", "--json"]);
    expect(code).toBe(1);
    const events = jsonLines(stdout);
    const [first] = events as { variables: { worst: { gradient: number; difference: number } }[] }[];
    expect(first).toMatchObject({ event: "gradient", name: "gated", agrees: false, place: { file: wrong, line: 1 } });
    const { gradient, difference } = first.variables[0].worst;
    expect(Math.abs(gradient - difference)).toBeGreaterThan(1e-3 * Math.abs(difference));
    expect(events.at(-1)).toMatchObject({ event: "diagnostic", code: "gradient-differs" });
  });
});

describe("warnings that are allowed and denied", () => {
  const twoWarnings = SMALL.replace("model small {", "let rate = 1\nmodel small {").replace(
    "fc: linear(10)",
    "fc: linear(10)\n softmax",
  );
  const file = work.file("warnings.model", twoWarnings);
  const codesOf = (stderr: string): string[] => [...stderr.matchAll(/^(\w+\[[\w-]+\])/gm)].map(([, code]) => code);

  test.each<[string, string[], string[], number]>([
    ["shown by default", [], ["warning[unused-let]", "warning[repeated-activation]"], 0],
    ["one hidden", ["--allow", "unused-let"], ["warning[repeated-activation]"], 0],
    ["one an error", ["--deny", "unused-let"], ["error[unused-let]", "warning[repeated-activation]"], 1],
    ["all errors", ["--deny", "warnings"], ["error[unused-let]", "error[repeated-activation]"], 1],
    ["all but one errors", ["--deny", "warnings", "--allow", "repeated-activation"], ["error[unused-let]"], 1],
    ["both hidden", ["--allow", "unused-let", "--allow", "repeated-activation", "--deny", "warnings"], [], 0],
  ])("%s", async (_, options, shown, code) => {
    const result = await mlc(["check", file, ...options]);
    expect({ code: result.code, shown: codesOf(result.stderr) }).toEqual({ code, shown });
    const built = await mlc(["build", file, "-o", work.path("out"), ...options]);
    expect({ code: built.code, shown: codesOf(built.stderr) }).toEqual({ code, shown });
  });

  test("training does not begin where one is denied", async () => {
    const { code, stdout, stderr } = await mlc(["train", file, "--deny", "warnings"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(codesOf(stderr)).toEqual(["error[unused-let]", "error[repeated-activation]"]);
  });

  test("a code that is no warning", async () => {
    const { code, stderr } = await mlc(["check", file, "--allow", "unused-lets"]);
    expect(code).toBe(2);
    expect(stderr).toContain("Did you mean unused-let?");
  });
});
