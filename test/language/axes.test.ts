/** Shape types with named axes, and compile-time arithmetic on sizes. */
import { describe, expect, it } from "vitest";
import { check, modelWith } from "../errors/front-end.ts";

function tensors(text: string): string[] {
  const { diagnostics, model } = check(modelWith(text));
  expect(diagnostics.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
  return model!.module.tensors.filter((t) => t.kind === "param").map((t) => `${t.name} [${t.shape.join(", ")}]`);
}
const codes = (text: string): string[] => check(modelWith(text)).diagnostics.map((d) => d.code);

describe("shape types", () => {
  it("name the sizes of a layer's input for its body", () => {
    const text = `layer heads(in: f32[n, channels, height, width], count: size = 2) {
        assert channels % count == 0
        param scale[count, channels / count, height * width] ~ ones
        reshape(in, [n, count, channels / count, height * width]) * scale
      }
      net { conv2d(4, kernel = 3); heads; flatten; fc: linear(10) }`;
    expect(tensors(text)[2]).toBe("heads.scale [2, 2, 36]");
  });

  it("may begin or end with any axes, and leave sizes open", () => {
    const text = `fn last(x: f32[n, ..., k]) { param w[k] ~ ones; x * w }
      fn first(x: f32[n, k, ...]) { param v[k] ~ ones; reshape(x, [n, k, x.size / k]) }
      fn free(x: f32[n, _, 8, _]) = x
      layer own { in |> free |> last |> first }
      net { a: own; flatten; b: { in |> last }; fc: linear(10) }`;
    expect(tensors(text).slice(0, 2)).toEqual(["a.w [8]", "a.v [3]"]);
  });

  it("take the numbers of parameters, and expressions of names", () => {
    const fits = (call: string) =>
      codes(`fn f(x: f32[n, 3, 2 * h, w], h: size, w: size = 8) = x
      net { ${call}; flatten; fc: linear(10) }`);
    expect(fits("f(4)")).toEqual([]);
    expect(fits("f(4, w = 8)")).toEqual([]);
    expect(fits("f(5)")).toEqual(["shape-type"]);
    expect(fits("f(4, 9)")).toEqual(["axes-differ"]);
  });

  it("bind one name to one size", () => {
    const both = (a: string, b: string) =>
      codes(`loss apart(a: f32[n, k], b: f32[n, k]) = (a - b)^2\nloss apart(${a}, ${b}) + 0 * mean(net)`);
    expect(both("net", "one_hot(label, 10)")).toEqual([]);
    expect(both("net", "one_hot(label, 11)")).toEqual(["axes-differ"]);
    // Sizes of 1 stretch in arithmetic, but they are no k.
    expect(both("net", "slice(net, 1, 0, 1)")).toEqual(["axes-differ"]);
  });

  it("may be one of several types", () => {
    const loss = (weight: string) =>
      codes(`loss weighted(a: f32[n, k], weight: f32[k] | number | none = none) = a * (weight == "none" ? 1 : weight)
        loss weighted(net${weight}) + cross_entropy(net, label)`);
    expect(loss("")).toEqual([]);
    expect(loss(", 2")).toEqual([]);
    expect(loss(", constants(range(10))")).toEqual([]);
    expect(loss(", constants(range(9))")).toEqual(["axes-differ"]);
    expect(loss(", true")).toEqual(["wrong-argument"]);
  });

  it("tell integers from numbers", () => {
    const words = "input words: i32[4]\nlayer ids(in: i32[n, k]) = one_hot(in, k)";
    expect(codes(`${words}\nnet { ids; flatten; fc: linear(10) }`)).toEqual([]);
    expect(codes(`${words}\nnet { embedding(5, 3) |> mean(axis = 2); ids; flatten; fc: linear(10) }`)).toEqual([
      "shape-type",
    ]);
  });

  it("are written in the signature that a wrong argument shows", () => {
    const { diagnostics } = check(
      modelWith("fn f(x: f32[n, k], s: size = 1) = x\nnet { flatten; f(size = 2); fc: linear(10) }"),
    );
    expect(diagnostics[0].notes[0].message).toBe("it is f(x: f32[n, k], s = 1)");
  });
});

describe("arithmetic on sizes", () => {
  it.each([
    ["17 % 5", 2],
    ["-1 % 5", 4],
    ["7.5 % 2 * 2", 3],
    ["2 * 7 % 4", 2],
    ["floor(17 / 5)", 3],
    ["ceil(17 / 5)", 4],
    ["largest([3, 9, 4]) + smallest([3, 9, 4])", 12],
    ["maximum(3, 9) - minimum(3, 9)", 6],
    ["16 % 4 == 0 ? 5 : 6", 5],
  ])("%s is %i", (expression, expected) => {
    expect(tensors(`let k = ${expression}\nnet { flatten; x: linear(k); fc: linear(10) }`)[1]).toBe(
      `x.bias [${expected}]`,
    );
  });

  it("works on tensors too", () => {
    expect(tensors("net { flatten; y: ceil(in |> flatten) % 3 + min(in); fc: linear(10) }")).toHaveLength(2);
  });
});
