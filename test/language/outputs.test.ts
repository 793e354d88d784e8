/** Several inputs, targets and outputs, and losses on them. */
import { describe, expect, it } from "vitest";
import { artifact } from "../../compiler/artifact.ts";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { explain } from "../../compiler/explain.ts";
import { check, modelWith } from "../errors/front-end.ts";
import { classesOf, noise, trainerFor, trainThreeWays } from "./run.ts";

const text = `model pointer {
  input image: f32[3, 6, 6]
  input angle: f32[2]
  input kind: class[5]
  target digit: class[4]
  target corner: f32[2]

  net {
    image |> trunk: { conv: conv2d(4, kernel = 3); relu; flatten }
    both: concat([trunk, angle, kind |> embedding(5, 3)])
    output digit_logits = fc1: linear(4)
    output place = both |> hidden: linear(8) |> tanh |> corner_fc: linear(2)
  }

  loss cross_entropy(net.digit_logits, digit) + 0.5 * mse(net.place, corner)
  metric accuracy(net.digit_logits, digit)
  metric mse(net.place, corner)
  optimizer sgd(lr = 0.1)
  train { batch = 6 }
}`;

const batch = {
  image: noise(6 * 108),
  angle: noise(12, 3),
  kind: classesOf(6, 5),
  digit: classesOf(6, 4),
  corner: noise(12, 5),
};

describe("several inputs, targets and outputs", () => {
  it("train alike in all backends", async () => {
    const { losses, wasm } = await trainThreeWays(text, batch, 12);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]);
    const { n, loss, accuracy, mse } = await wasm.evaluate(batch);
    const { digit_logits, place, n: samples } = await wasm.predict(batch);
    expect([n, samples]).toEqual([6, 6]);
    expect((digit_logits as Float32Array).length).toBe(24);
    const right = Array.from(batch.digit).filter((label, i) => {
      const row = (digit_logits as Float32Array).slice(4 * i, 4 * i + 4);
      return row.indexOf(Math.max(...row)) === label;
    });
    expect(accuracy).toBeCloseTo(right.length / 6, 6);
    const squares = Array.from(place as Float32Array, (v, i) => (v - batch.corner[i]) ** 2);
    expect(mse).toBeCloseTo(squares.reduce((a, b) => a + b) / 12, 5);
    expect(loss).toBeGreaterThan(0.5 * (mse as number));
  });

  it("check what is fed by name", async () => {
    const trainer = await trainerFor(compile(text));
    const { kind, ...rest } = batch;
    await expect(trainer.step(rest)).rejects.toThrow('the input "kind" is missing');
    await expect(trainer.step({ ...rest, kind: Int32Array.of(0, 1, 2, 3, 4, 5) })).rejects.toThrow(
      "kind[5] is 5; the model's classes are 0 … 4: correct the data, or declare as many classes as they have",
    );
    await expect(trainer.step({ ...batch, angel: batch.angle })).rejects.toThrow("angle");
    await expect(trainer.step({ ...batch, angle: noise(10) })).rejects.toThrow('"angle" has 5 samples');
    const images = { images: batch.image, labels: batch.digit, length: 6, shape: [3, 6, 6] };
    await expect(trainer.step(images)).rejects.toThrow("the model has several inputs");
  });

  it("have their types in the artifact", () => {
    const files = artifact(compile(text));
    const types = String(files["pointer.d.ts"]);
    const prediction = types.slice(types.indexOf("interface Prediction"), types.indexOf("interface Progress"));
    expect(prediction).toContain("/** f32[n, 4] */\n  readonly digit_logits: Float32Array;");
    expect(prediction).toContain("/** f32[n, 2] */\n  readonly place: Float32Array;");
    expect(types).toContain(
      "/** class[5], shape [n]. */\n  readonly kind: Uint8Array | Int32Array | readonly number[];",
    );
    expect(types).toContain("readonly mse: number;");
  });

  it("have a gradient for each output", () => {
    const options: CompileOptions & { stage: string } = { stage: "gradient" };
    const [digits, place] = explain(text, options).split("\n");
    expect(digits).toBe("; d loss / d digit_logits = (softmax(digit_logits) - one_hot(digit)) / n");
    expect(place).toContain("; d loss / d place = ");
  });
});

describe("outputs of the net", () => {
  const outputs = (clauses: string): string[] => {
    const { diagnostics, model } = check(modelWith(clauses));
    expect(diagnostics.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
    const forward = model!.module.programs.find((p) => p.name === "forward")!;
    return forward.results.map(({ name, value }) => `${name} ${value.type.dtype}[${value.type.shape.join(", ")}]`);
  };

  it("are the last step, if it is one, and those that are named", () => {
    expect(outputs("net { flatten; fc: linear(10) }")).toEqual(["logits f32[n, 10]"]);
    expect(outputs("net { flatten; output code = in; fc: linear(10) }")).toEqual([
      "logits f32[n, 10]",
      "code f32[n, 3, 8, 8]",
    ]);
    expect(
      outputs(
        "net { flatten; fc: linear(10); output best = argmax(fc, axis = 1); output sure = fc > 0 }\nloss mean(net.sure) + cross_entropy(image |> flatten |> slice(1, 0, 10), label)",
      ).slice(0, 2),
    ).toEqual(["best i32[n]", "sure f32[n, 10]"]);
  });

  it("may be equal, an input, a class or a condition", async () => {
    const clauses = `net {
        flatten
        fc: linear(10)
        output first = fc
        output second = fc
        output seen = image
        output best = argmax(fc, axis = 1)
        output sure = fc > 0
        output rest = image % 0.3
      }
      loss cross_entropy(net.first, label)
      train { batch = 4 }`;
    const image = noise(6 * 192);
    for (const backend of ["wasm", "js"] as const) {
      const trainer = await trainerFor(compile(modelWith(clauses), { backend }));
      const { n, ...found } = await trainer.predict({ image });
      const { first, second, seen, best, sure, rest } = found as Record<string, Float32Array>;
      expect(n).toBe(6);
      expect(Array.from(second)).toEqual(Array.from(first));
      expect(Array.from(seen)).toEqual(Array.from(image));
      expect(Array.from(sure)).toEqual(Array.from(first, (v) => (v > 0 ? 1 : 0)));
      const rows = Array.from({ length: 6 }, (_, i) => Array.from(first.slice(10 * i, 10 * i + 10)));
      expect(Array.from(best)).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
      rest.forEach((v, i) => {
        expect(Math.abs(v - (image[i] - Math.floor(image[i] / 0.3) * 0.3))).toBeLessThan(1e-6);
      });
    }
  });

  it("may differ between training and evaluation", () => {
    const clauses = `net { flatten; first: linear(8); if training { output early = linear(10) }; linear(10) }
      loss cross_entropy(net, label) + (training ? 0.3 * cross_entropy(net.early, label) : 0)`;
    expect(outputs(clauses)).toEqual(["logits f32[n, 10]"]);
  });
});
