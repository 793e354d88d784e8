import { describe, expect, test } from "vitest";
import { differentiate } from "../../compiler/3-passes/differentiate.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import type { Module, TensorDecl, Value } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { load, targets } from "./run.ts";

const CONV = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 };

/** A small convolutional classifier with batch statistics, a residual, pooling, and SGD with momentum, as a bare graph. */
function classifier(b: Builder): Module {
  const tensors: TensorDecl[] = [];
  const leaf = (kind: "param" | "state", name: string, shape: number[]): Value => {
    tensors.push({ name, kind, shape, init: { kind: "constant", value: 0 }, span: null });
    return b.op(kind, [], { name, shape });
  };
  const params: Value[] = [];
  const param = (name: string, ...shape: number[]) => {
    params.push(leaf("param", name, shape));
    return params[params.length - 1];
  };
  const channels = (v: Value) => b.reshape(v, [v.type.shape[0], 1, 1]);
  const relu = (v: Value) => b.where(b.binary("lt", v, 0), 0, v);
  const count = b.mul(b.host("n"), 36);
  const mean = (v: Value) => b.div(b.sum(v, [0, 2, 3]), count);

  const image = b.op("input", [], { name: "image", dtype: "f32", shape: ["n", 3, 6, 6] });
  const label = b.op("input", [], { name: "label", dtype: "i32", shape: ["n"] });
  const c1 = b.add(b.op("conv2d", [image, param("w1", 10, 3, 3, 3)], CONV), channels(param("b1", 10)));
  const centred = b.sub(c1, channels(mean(c1)));
  const deviation = b.sqrt(b.add(mean(b.mul(centred, centred)), 1e-5));
  const normal = relu(b.mul(b.div(centred, channels(deviation)), channels(param("g1", 10))));
  const c2 = b.op("conv2d", [normal, param("w2", 10, 10, 3, 3)], CONV);
  const joined = relu(b.add(c2, normal));
  const pool = { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] };
  const flat = b.reshape(b.op("max_pool2d", [joined], pool), ["n", 90]);
  const logits = b.add(b.matmul(flat, b.transpose(param("w3", 7, 90), [1, 0])), param("b3", 7));
  const picked = b.mul(b.op("one_hot", [label], { classes: 7 }), b.op("log_softmax", [logits], { axis: 1 }));
  const loss = b.neg(b.div(b.sum(picked, [0, 1]), b.host("n")));
  const updates = params.flatMap((p) => {
    const name = p.attrs.name as string;
    const velocity = leaf("state", `${name}.velocity`, p.type.shape as number[]);
    const next = b.add(b.mul(velocity, 0.9), b.add(b.op("grad", [loss, p]), b.mul(p, 0.01)));
    return [
      { target: name, value: b.sub(p, b.mul(next, b.div(0.1, b.add(b.host("step"), 1)))) },
      { target: `${name}.velocity`, value: next },
    ];
  });
  return {
    name: "classifier",
    batch: 6,
    inputs: [
      { name: "image", role: "input", dtype: "f32", shape: [3, 6, 6], span: null },
      { name: "label", role: "target", dtype: "i32", shape: [], classes: 7, span: null },
    ],
    tensors,
    programs: [
      {
        name: "train_step",
        results: [
          { name: "loss", value: loss },
          { name: "logits", value: logits },
        ],
        updates,
      },
    ],
  };
}

function randomTensors(module: Module, n: number): Map<string, Tensor> {
  let state = 99;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 32 - 0.5);
  };
  const fill = (shape: number[], draw: () => number): Tensor => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, c) => a * c, 1) }, draw),
  });
  const all = new Map<string, Tensor>();
  for (const t of module.tensors) all.set(t.name, fill([...t.shape], random));
  all.set("image", fill([n, 3, 6, 6], random));
  all.set(
    "label",
    fill([n], () => Math.floor((random() + 0.5) * 7)),
  );
  return all;
}

describe("a training step", () => {
  test.each([
    ["f64", 5],
    ["f64", 6],
    ["js", 5],
    ["wasm", 5],
    ["wasm", 6],
    ["wasm", 1],
  ] as const)("in %s with %i samples", async (target, n) => {
    const b = new Builder();
    const module = differentiate(classifier(b), b);
    const values = randomTensors(module, n);
    const want = interpret(module.programs[0], {
      n,
      seed: 0,
      step: 2,
      host: { step: 2 },
      tensors: values,
      inputs: values,
    });
    const running = await load(module, b, targets[target]);
    for (const [name, tensor] of values) running.write(name, tensor);
    const floats = target === "f64" ? Float64Array : Float32Array;
    for (const { address, expr } of running.assembled.manifest.scalars) {
      new floats(running.engine.memory as ArrayBuffer, address, 1)[0] = evaluate(expr, { n, step: 2 });
    }
    running.engine.run("train_step", n);
    const tolerance = target === "f64" ? 1e-12 : 2e-5;
    const compare = (name: string, got: Tensor, expected: Tensor) => {
      const scale = expected.data.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
      for (let i = 0; i < expected.data.length; i++) {
        const off = Math.abs(got.data[i] - expected.data[i]);
        if (!(off <= tolerance * scale)) expect.fail(`${name}[${i}]: ${got.data[i]} instead of ${expected.data[i]}`);
      }
    };
    for (const [name, expected] of want.results) compare(name, running.read("train_step", name, n), expected);
    for (const [name, expected] of want.updates) compare(name, running.tensor(name), expected);
  });
});

function evaluate(expr: unknown, host: Record<string, number>): number {
  if (typeof expr === "number") return expr;
  if (typeof expr === "string") return host[expr];
  const [op, ...args] = expr as [string, ...unknown[]];
  const [x, y] = args.map((a) => evaluate(a, host));
  return { add: x + y, sub: x - y, mul: x * y, div: x / y, neg: -x }[op]!;
}
