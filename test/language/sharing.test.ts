/** Layers that are applied in several places with one set of parameters. */
import { describe, expect, it } from "vitest";
import type { Elaborated } from "../../compiler/2-elaborate/elaborate.ts";
import { compile } from "../../compiler/compile.ts";
import { topological } from "../../compiler/ir/graph.ts";
import { check, modelWith } from "../errors/front-end.ts";
import { classesOf, noise, trainerFor, trainThreeWays } from "./run.ts";

function model(text: string): Elaborated {
  const { diagnostics, model } = check(modelWith(text));
  expect(diagnostics.map((d) => d.message)).toEqual([]);
  return model!;
}
const tensors = (text: string, kind = "param"): string[] =>
  model(text)
    .module.tensors.filter((t) => t.kind === kind)
    .map((t) => `${t.name} [${t.shape.join(", ")}]`);

describe("a shared layer", () => {
  it("is called after its name, wherever it is applied", () => {
    const text = `input left: f32[3, 8, 8]
      input right: f32[3, 8, 8]
      net {
        share tower = { conv1: conv2d(4, kernel = 3); relu; flatten; linear(6) }
        let a = left |> first: tower
        let b = right |> tower
        a - b
        fc: linear(10)
      }`;
    expect(tensors(text)).toEqual([
      "tower.conv1.weight [4, 3, 3, 3]",
      "tower.conv1.bias [4]",
      "tower.linear.weight [6, 144]",
      "tower.linear.bias [6]",
      "fc.weight [10, 6]",
      "fc.bias [10]",
    ]);
  });

  it("stands in layers too, each with its own", () => {
    const text = `layer double { share f = conv2d(in.channels, kernel = 1, bias = false); f; relu; f }
      net { a: double; share b = double; b; b; flatten; fc: linear(10, bias = false) }`;
    expect(tensors(text)).toEqual(["a.f.weight [3, 3, 1, 1]", "b.f.weight [3, 3, 1, 1]", "fc.weight [10, 192]"]);
  });

  it("gives its parameters by name", () => {
    const text = `input words: i32[4]
      net {
        share table = embedding(10, 6)
        words |> table |> flatten
        mixed: linear(6)
        mixed @ transpose(table.weight)
      }`;
    expect(tensors(text)).toEqual(["table.weight [10, 6]", "mixed.weight [6, 24]", "mixed.bias [6]"]);
    const deep = `net {
        share tower = { flatten; one: { fc: linear(10) } }
        y: tower
        y + tower.one.fc.bias
      }`;
    expect(tensors(deep)).toEqual(["tower.one.fc.weight [10, 192]", "tower.one.fc.bias [10]"]);
  });

  it("repeats with one set of parameters", () => {
    const conv = "c: conv2d(3, kernel = 1, bias = false)";
    const fc = "flatten; fc: linear(10, bias = false)";
    const repeats = `l: repeat 3 shared { ${conv}; relu }; repeat 2 as i shared { ${conv} }; repeat 2 shared as i { ${conv}; c * (i + 1) }`;
    expect(tensors(`net { ${repeats}; ${fc} }`)).toEqual([
      "l.0.c.weight [3, 3, 1, 1]",
      "0.c.weight [3, 3, 1, 1]",
      "1.c.weight [3, 3, 1, 1]",
      "fc.weight [10, 192]",
    ]);
  });

  it("may be what a layer was given", () => {
    const text = `layer double(f: function) { share g = f; g; g }
      net { double(conv2d(3, kernel = 1, bias = false)); flatten; fc: linear(10, bias = false) }`;
    expect(tensors(text)).toEqual(["double.g.weight [3, 3, 1, 1]", "fc.weight [10, 192]"]);
  });
});

it("a shared layer measures its buffers where it is applied first", () => {
  const { module } = model(`layer centred { buffer mu[in.channels] = mean(in, axis = [0, 2, 3]); in - per_channel(mu) }
    net { share c = centred; c; relu; c; flatten; fc: linear(10) }`);
  const measures = module.programs.filter(({ name }) => name.startsWith("measure"));
  expect(measures).toHaveLength(1);
  expect(topological(measures[0].results.map((r) => r.value)).map((v) => v.op)).not.toContain("buffer");
});

describe("functions as arguments", () => {
  it("may lack arguments", () => {
    const text = `layer residual(body: function) = in + (in |> body: body(in.channels))
      let pointwise = conv2d(kernel = 1, bias = false)
      net {
        pointwise(4)
        a: residual(pointwise)
        b: residual(body = conv2d(kernel = 3, padding = 1, bias = false))
        flatten
        fc: linear(10, bias = false)
      }`;
    expect(tensors(text)).toEqual([
      "conv2d.weight [4, 3, 1, 1]",
      "a.body.weight [4, 4, 1, 1]",
      "b.body.weight [4, 4, 3, 3]",
      "fc.weight [10, 256]",
    ]);
  });

  it("go through several layers, and stand in lists", () => {
    const text = `layer outer(f) { a: inner(f); b: inner(g = f) }
      layer inner(g) { in |> c: g(4) |> d: g(5) }
      net {
        let kinds = [conv2d(kernel = 1, bias = false), conv2d(kernel = 3, padding = 1, bias = false)]
        repeat 2 as i { outer(kinds[i]) }
        flatten
        fc: linear(10, bias = false)
      }`;
    expect(tensors(text).slice(3, 8)).toEqual([
      "0.b.d.weight [5, 4, 1, 1]",
      "1.a.c.weight [4, 5, 3, 3]",
      "1.a.d.weight [5, 4, 3, 3]",
      "1.b.c.weight [4, 5, 3, 3]",
      "1.b.d.weight [5, 4, 3, 3]",
    ]);
  });
});

describe("training shared parameters", () => {
  const clauses = "loss cross_entropy(net, label)\noptimizer sgd(lr = 0.1)\ntrain { batch = 5 }";
  const batch = { image: noise(5 * 192), label: classesOf(5, 10) };

  it("adds the gradients of all places, in all backends", async () => {
    const text = (f: string, g: string) => `model m {
      input image: f32[3, 8, 8]
      target label: class[10]
      net { share f = conv2d(3, kernel = 3, padding = 1); ${f}; relu; ${g}; flatten; fc: linear(10) }
      ${clauses}
    }`;
    const shared = await trainThreeWays(text("f", "f"), batch, 1);
    // The same start with two sets of parameters: the change of the shared ones is the sum of their changes.
    const other = text("a: conv2d(3, kernel = 3, padding = 1)", "b: conv2d(3, kernel = 3, padding = 1)");
    const [before, apart] = await Promise.all([trainerFor(compile(text("f", "f"))), trainerFor(compile(other))]);
    for (const name of ["weight", "bias"]) {
      for (const place of ["a", "b"]) apart.tensor(`${place}.${name}`).data.set(before.tensor(`f.${name}`).data);
      apart.tensor(`fc.${name}`).data.set(before.tensor(`fc.${name}`).data);
    }
    await apart.step(batch);
    const start = before.tensor("f.weight").data;
    const [a, b] = [apart.tensor("a.weight").data, apart.tensor("b.weight").data];
    const sum = Array.from(start, (w, i) => a[i] - w + (b[i] - w));
    const change = Array.from(shared.tensors.get("f.weight")!.data, (w, i) => w - start[i]);
    expect(Math.max(...change.map(Math.abs))).toBeGreaterThan(1e-3);
    sum.forEach((d, i) => {
      expect(Math.abs(d - change[i])).toBeLessThan(1e-6);
    });
  });

  it("moves running statistics once for each application", async () => {
    const text = `model m {
      input image: f32[3, 8, 8]
      target label: class[10]
      net { share bn = batch_norm2d(affine = false); a: bn; b: a |> { 2 * in + 1 } |> bn; flatten; fc: linear(10) }
      ${clauses}
    }`;
    const { tensors } = await trainThreeWays(text, batch, 1);
    const mean = tensors.get("bn.running_mean")!.data;
    for (let channel = 0; channel < 3; channel++) {
      let sum = 0;
      for (let i = 0; i < 5; i++) for (let k = 0; k < 64; k++) sum += batch.image[i * 192 + channel * 64 + k] / 320;
      // Normalised, doubled and moved by 1, the mean of the second application's input is 1.
      expect(mean[channel]).toBeCloseTo(0.9 * (0.1 * sum) + 0.1, 6);
    }
  });

  it("ties an embedding and the projection to its words", async () => {
    const text = `model m {
      input words: i32[4]
      target next: class[12]
      net {
        share table = embedding(12, 6)
        words |> table |> mean(axis = 1)
        mix: linear(6)
        mix @ transpose(table.weight)
      }
      loss cross_entropy(net, next)
      optimizer sgd(lr = 0.2)
    }`;
    const { losses, wasm } = await trainThreeWays(text, { words: classesOf(20, 12), next: classesOf(5, 12) }, 8);
    expect(losses.at(-1)).toBeLessThan(losses[0]);
    expect(wasm.parameters().map(({ name }) => name)).toEqual(["table.weight", "mix.weight", "mix.bias"]);
  });
});
