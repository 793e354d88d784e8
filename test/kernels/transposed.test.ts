/** Products whose left operand is transposed, as gradients of wide layers are: where it is read in place and where it is copied. */
import { describe, expect, test } from "vitest";
import { assignLayouts } from "../../compiler/3-passes/layout.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import { type Module, topological, type Value } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { load, targets } from "./run.ts";

const BATCH = 70;
const COLUMNS = 20;

function moduleOf(b: Builder, width: number): Module {
  const input = (name: string, columns: number) => b.op("input", [], { name, dtype: "f32", shape: ["n", columns] });
  return productOf(b.matmul(b.transpose(input("x", width), [1, 0]), input("y", COLUMNS)), width);
}

function productOf(product: Value, width: number): Module {
  return {
    name: "transposed",
    batch: BATCH,
    inputs: [
      { name: "x", role: "input", dtype: "f32", shape: [width], span: null },
      { name: "y", role: "input", dtype: "f32", shape: [COLUMNS], span: null },
    ],
    tensors: [],
    programs: [{ name: "run", results: [{ name: "product", value: product }], updates: [] }],
  };
}

const wave = (n: number, columns: number, by: number) => ({
  shape: [n, columns],
  data: Float64Array.from({ length: n * columns }, (_, i) => Math.fround(Math.sin(by * i))),
});

/** Holds the kernels' product to the interpreter's. */
async function check(module: Module, b: Builder, name: "wasm" | "js" | "f64", width: number, error: number) {
  const running = await load(module, b, targets[name]);
  for (const n of [BATCH, 3]) {
    const inputs = new Map([
      ["x", wave(n, width, 0.37)],
      ["y", wave(n, COLUMNS, 1.9)],
    ]);
    for (const [input, tensor] of inputs) running.write(input, tensor);
    running.engine.run("run", n);
    const got = running.read("run", "product", n).data;
    const context = { n, seed: 0, step: 0, host: {}, tensors: new Map(), inputs };
    const want = interpret(module.programs[0], context).results.get("product")!.data;
    got.forEach((value, i) => {
      expect(Math.abs(value - want[i])).toBeLessThan(name === "f64" ? 1e-12 : error);
    });
  }
}

describe.each([
  // Rows of 2048 bytes: the 70 lines of a column share two sets of a cache.
  [512, true],
  [500, false],
  [48, false],
])("%i wide", (width, copied) => {
  test.each(["wasm", "js", "f64"] as const)("%s", async (name) => {
    const b = new Builder();
    const module = moduleOf(b, width);
    const placed = assignLayouts(module, b, targets[name]);
    const [left] = topological([placed.programs[0].results[0].value]).find(({ op }) => op === "matmul")!.inputs;
    expect(left.op).toBe(copied ? "relayout" : "transpose");
    await check(module, b, name, width, 1e-5);
  });
});

describe("with several axes of rows, whose sizes might be those of what is stored", () => {
  test.each(["wasm", "js", "f64"] as const)("%s", async (name) => {
    const b = new Builder();
    const x = b.op("input", [], { name: "x", dtype: "f32", shape: ["n", 75] });
    const images = b.transpose(b.reshape(b.add(x, 1), ["n", 3, 5, 5]), [0, 1, 3, 2]);
    const y = b.op("input", [], { name: "y", dtype: "f32", shape: ["n", COLUMNS] });
    const weights = b.reshape(b.sum(y, [0]), [5, 4]);
    const module = productOf(b.matmul(images, weights), 75);
    await check(module, b, name, 75, 1e-4);
  });
});
