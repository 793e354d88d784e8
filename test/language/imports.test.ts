/** Files that import definitions and constants from other files. */
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { check, modelWith } from "../errors/front-end.ts";

const net = (steps: string): string => modelWith(`net { ${steps}; flatten; fc: linear(10, bias = false) }`);

function parameters(text: string, files: Record<string, string>, overrides: Record<string, string> = {}): string[] {
  const { diagnostics, model } = check(text, overrides, "input.model", files);
  expect(diagnostics.map((d) => `${d.span?.file.name}: ${d.message}`)).toEqual([]);
  return model!.module.tensors.filter((t) => t.kind === "param").map((t) => `${t.name} [${t.shape.join(", ")}]`);
}

describe("an import", () => {
  const blocks = `let width = 6
    fn narrow(k) = k / 2
    layer block { conv2d(narrow(width), kernel = 1, bias = false) }`;

  it("takes all that a file defines, or what is named", () => {
    const expected = ["block.conv2d.weight [3, 3, 1, 1]", "conv2d.weight [6, 3, 1, 1]", "fc.weight [10, 384]"];
    const steps = "block; conv2d(width, kernel = 1, bias = false)";
    expect(parameters(`import "blocks.model"\n${net(steps)}`, { "blocks.model": blocks })).toEqual(expected);
    expect(parameters(`import block, width from "./blocks.model"\n${net(steps)}`, { "blocks.model": blocks })).toEqual(
      expected,
    );
  });

  it("may give other names", () => {
    const text = `import block as narrowing, width as k from "blocks.model"\nlayer block { relu }\nlet width = k + 1
      ${net("block; narrowing; conv2d(width, kernel = 1, bias = false)")}`;
    expect(parameters(text, { "blocks.model": blocks }).slice(0, 2)).toEqual([
      "block.conv2d.weight [3, 3, 1, 1]",
      "conv2d.weight [7, 3, 1, 1]",
    ]);
  });

  it("leaves a file its own meaning of names", () => {
    // Both files define `k` and `half`; neither sees the other's.
    const text = `import wide from "a.model"\nlet k = 2\nfn half(x) = x\n${net("wide; conv2d(half(k), kernel = 1, bias = false)")}`;
    const a = "let k = 8\nfn half(x) = x / 2\nlayer wide { conv2d(half(k), kernel = 1, bias = false) }";
    expect(parameters(text, { "a.model": a }).slice(0, 2)).toEqual([
      "wide.conv2d.weight [4, 3, 1, 1]",
      "conv2d.weight [2, 4, 1, 1]",
    ]);
  });

  it("is relative to its file, and may go up within the model's folder", () => {
    const files = {
      "nets/deep/a.model": 'import "../b.model"\nimport common from "../../common.model"\nlayer a { b; common }',
      "nets/b.model": 'import "../common.model"\nlayer b { common }',
      "common.model": "layer common { conv2d(4, kernel = 1, bias = false) }",
    };
    const names = parameters(`import "nets/deep/a.model"\n${net("a")}`, files);
    expect(names.slice(0, 2)).toEqual(["a.b.common.conv2d.weight [4, 3, 1, 1]", "a.common.conv2d.weight [4, 4, 1, 1]"]);
  });

  it("takes no model and no imports of the file along", () => {
    const files = {
      "other.model": `import "deep.model"\n${net("relu")}\nlayer own = in`,
      "deep.model": "layer deep = in",
    };
    expect(parameters(`import "other.model"\n${net("own")}`, files)).toEqual(["fc.weight [10, 192]"]);
    const { diagnostics } = check(`import "other.model"\n${net("deep")}`, {}, "input.model", files);
    expect(diagnostics.map((d) => d.code)).toEqual(["unknown-name"]);
  });

  it("brings losses, optimizers, schedules, initialisers and metrics", () => {
    const files = {
      "train.model": `loss apart(a, b) = (a - b)^2
        optimizer plain(lr: scalar) { param -= lr * grad }
        schedule down(lr: number) = lr / t
        init small = normal(std = 0.1)
        metric far(a, b) = abs(a - b)
        layer scaled { param s[in.features] ~ small; in * s }`,
    };
    const text = `import apart, plain, down, far, small from "train.model"\n${modelWith(`
      net { flatten; param s[1] ~ small; y: linear(10); y + s }
      loss apart(net, one_hot(label, 10))
      optimizer plain(lr = down(0.1))
      metric far(net, 0)
      metric apart(net, 1)`)}`;
    expect(parameters(text, files)[0]).toBe("s [1]");
  });

  it("has constants that can be set", () => {
    const text = `import width as w, block from "blocks.model"\n${net("block; conv2d(w, kernel = 1, bias = false)")}`;
    expect(parameters(text, { "blocks.model": blocks }, { w: "10" }).slice(0, 2)).toEqual([
      "block.conv2d.weight [5, 3, 1, 1]",
      "conv2d.weight [10, 5, 1, 1]",
    ]);
  });
});

describe("compile", () => {
  const text = `import own from "lib/own.model"\n${net("own")}`;

  it("takes files as texts or from a function, and reads nothing itself", () => {
    const own = "layer own { relu }";
    const expected = compile(text, { files: { "lib/own.model": own } }).manifest;
    const asked: string[] = [];
    const files = (path: string) => {
      asked.push(path);
      return { text: own };
    };
    expect(compile(text, { file: "deep/in/net.model", files }).manifest).toEqual(expected);
    expect(asked).toEqual(["lib/own.model"]);
    expect(() => compile(text)).toThrow("`lib/own.model` cannot be read: there is no such file");
    expect(() => compile(text, { file: "deep/net.model", files: () => ({ problem: "no" }) })).toThrow(
      "`deep/lib/own.model` cannot be read: no",
    );
  });
});
