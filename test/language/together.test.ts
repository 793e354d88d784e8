/** One larger model of a user's own parts in which every construct of the language works together with the others. */
import { describe, expect, it } from "vitest";
import { artifact } from "../../compiler/artifact.ts";
import { compile } from "../../compiler/compile.ts";
import { check } from "../errors/front-end.ts";
import { classesOf, noise, trainerFor, trainThreeWays } from "./run.ts";

const files = {
  "blocks.model": `import own_norm, bent from "lib/extra.model"

    /// A layer that is given, its own normalisation, an activation, and a way around them where the shape allows it.
    layer block(in: f32[n, channels, height, width], out: size, body: function, act: function = bent) {
      let main = in |> conv: body(out) |> norm: own_norm |> act
      let skip = if channels == out then in else in |> around: conv2d(out, kernel = 1, bias = false)
      assert out % 2 == 0, "block: {out} channels do not pair up"
      main + skip
    }`,
  "lib/extra.model": `let slope = 0.5
    init small = normal(std = 0.5 / sqrt(fan_in))

    fn bent(x: f32[...], by: number = slope) = maximum(x, by * x) + 0.1 * tanh(x)

    /// Each channel by the mean and variance of the batch; in evaluation by running ones, which count the batches.
    layer own_norm(in: f32[n, channels, height, width], affine: bool = true, momentum: number = 0.2) {
      param gain[channels] ~ ones if affine else 1
      param shift[channels] ~ zeros if affine
      buffer centre[channels] = 0
      buffer spread[channels] = 1
      buffer seen[] = 0
      let mu = training ? mean(in, axis = [0, 2, 3]) : centre
      let away = in - per_channel(mu)
      let square = training ? mean(away^2, axis = [0, 2, 3]) : spread
      update centre = (1 - momentum) * centre + momentum * mu
      update spread = (1 - momentum) * spread + momentum * square
      update seen = seen + 1
      away / sqrt(per_channel(square) + 1e-4) * per_channel(gain) + per_channel(shift)
    }

    layer squeeze(out: size, act: function) {
      param mix[out, in.channels] ~ small
      let pooled = mean(in, axis = [2, 3])
      pooled @ transpose(mix) |> act
    }

    loss charbonnier(pred: f32[n, k], target: f32[n, k], eps = 1e-2) = sqrt((pred - target)^2 + eps^2) - eps
    metric far(pred: f32[n, k], target: f32[n, k]) = abs(pred - target)
    schedule warm(lr: number, steps: size) = lr * minimum(t / steps, 1)

    optimizer heavy(lr: scalar, momentum: number = 0, decay: number = 0) {
      let g = grad + decay * param
      state drift = momentum * drift + g
      param -= lr * (momentum > 0 ? g + momentum * drift : g)
    }`,
};

const text = `import "blocks.model"
import squeeze as narrow, charbonnier, far, warm, heavy, bent from "lib/extra.model"

let width = 4

model together {
  input left: f32[3, 6, 6]
  input right: f32[3, 6, 6]
  input kind: class[3]
  target label: class[4]
  target place: f32[2]

  net {
    share tower = {
      stem: block(width, body = conv2d(kernel = 3, padding = 1))
      deep: repeat 2 shared { block(width, conv2d(kernel = 1), act = tanh) }
    }
    share names = embedding(3, width)
    let a = left |> tower
    let b = right |> tower
    both: concat([a, b, a - b])
    hidden: narrow(width, act = bent(by = 0.2)) |> dropout(0.1)
    hint: hidden + (kind |> names)
    output digit = linear(4)
    output corner = hint |> linear(2)
    output nearest = hint @ transpose(names.weight)
  }

  loss cross_entropy(net.digit, label) + 0.5 * charbonnier(net.corner, place) + 0.1 * cross_entropy(net.nearest, kind)
  metric accuracy(net.digit, label)
  metric far(net.corner, place)
  optimizer heavy(lr = warm(0.1, steps = 4), momentum = 0.8)
  train { batch = 8 }
}`;

const batch = {
  left: noise(8 * 108),
  right: noise(8 * 108, 3),
  kind: classesOf(8, 3),
  label: classesOf(8, 4),
  place: noise(16, 5),
};

describe("everything together", () => {
  it("trains, and alike in the interpreter, JavaScript and WebAssembly", async () => {
    const { losses, tensors, wasm } = await trainThreeWays(text, batch, 15, { files });
    expect(losses.at(-1)).toBeLessThan(0.75 * losses[0]);
    expect([...tensors.keys()].filter((name) => !name.includes("drift"))).toEqual([
      "tower.stem.conv.weight",
      "tower.stem.conv.bias",
      "tower.stem.norm.gain",
      "tower.stem.norm.shift",
      "tower.stem.norm.centre",
      "tower.stem.norm.spread",
      "tower.stem.norm.seen",
      "tower.stem.around.weight",
      ...["conv.weight", "conv.bias", "norm.gain", "norm.shift", "norm.centre", "norm.spread", "norm.seen"].map(
        (name) => `tower.deep.0.${name}`,
      ),
      "hidden.mix",
      "names.weight",
      "digit.weight",
      "digit.bias",
      "linear.weight",
      "linear.bias",
    ]);
    // Two towers, in 15 steps; the shared block is applied twice in each.
    expect(tensors.get("tower.stem.norm.seen")!.data[0]).toBe(30);
    expect(tensors.get("tower.deep.0.norm.seen")!.data[0]).toBe(60);
    const { digit, corner, nearest } = await wasm.predict(batch);
    expect([digit, corner, nearest].map((values) => (values as Float32Array).length)).toEqual([32, 16, 24]);
  });

  it("goes on from a checkpoint as if it had not been stopped, running statistics and all", async () => {
    const compilation = compile(text, { files });
    const [whole, first, second] = await Promise.all([1, 2, 3].map(() => trainerFor(compilation)));
    for (let step = 0; step < 6; step++) await whole.step(batch);
    for (let step = 0; step < 3; step++) await first.step(batch);
    await second.load(await first.save());
    for (let step = 0; step < 3; step++) await second.step(batch);
    for (const { name, data } of whole.tensors())
      expect(Array.from(second.tensor(name).data), name).toEqual(Array.from(data));
    expect(await second.evaluate(batch)).toEqual(await whole.evaluate(batch));
  });

  it("evaluates by its running statistics, which evaluation leaves alone", async () => {
    const trainer = await trainerFor(compile(text, { files }));
    for (let step = 0; step < 4; step++) await trainer.step(batch);
    const before = await trainer.evaluate(batch);
    const one = { ...batch, left: noise(108), right: noise(108, 3), kind: [0], label: [1], place: [0, 0] };
    // A sample's prediction does not depend on the others of its batch.
    const all = await trainer.predict(batch);
    const alone = await trainer.predict({ ...one, kind: [batch.kind[0]] });
    expect(Array.from(alone.digit as Float32Array)).toEqual(Array.from(all.digit as Float32Array).slice(0, 4));
    expect(await trainer.evaluate(batch)).toEqual(before);
    const centre = trainer.tensor("tower.stem.norm.centre").data;
    centre.fill(3);
    expect((await trainer.evaluate(batch)).loss).not.toBe(before.loss);
  });

  it("freezes a part that is the user's own", async () => {
    const frozen = text.replace("momentum = 0.8)", 'momentum = 0.8) { "tower.*": frozen }');
    const trainer = await trainerFor(compile(frozen, { files }));
    const start = trainer.tensors().map(({ name, data }) => [name, Array.from(data)] as const);
    await trainer.step(batch);
    for (const [name, data] of start) {
      const moved = Array.from(trainer.tensor(name).data).some((v, i) => v !== data[i]);
      const isTower = name.startsWith("tower.");
      const isStatistic = /centre|spread|seen/.test(name);
      expect(moved, name).toBe(!isTower || isStatistic);
    }
    expect(trainer.tensors().some(({ name }) => name.startsWith("tower.") && name.endsWith("drift"))).toBe(false);
  });

  it("has every argument set from outside", () => {
    const overrides = {
      width: "6",
      slope: "0.3",
      "net.tower.stem.body.kernel": "5",
      "net.tower.stem.body.padding": "2",
      "net.tower.deep.0.body.bias": "false",
      "net.digit.bias": "false",
      "loss.charbonnier.eps": "0.1",
      "loss.reduction": "sum",
      "optimizer.lr.steps": "9",
      "optimizer.momentum": "0",
    };
    const { diagnostics, model } = check(`import slope from "lib/extra.model"\n${text}`, overrides, "m.model", files);
    expect(diagnostics.map((d) => d.message)).toEqual([]);
    const shapes = new Map(model!.module.tensors.map(({ name, shape }) => [name, shape.join()]));
    expect(shapes.get("tower.stem.conv.weight")).toBe("6,3,5,5");
    expect(shapes.has("tower.deep.0.conv.bias")).toBe(false);
    expect(shapes.has("digit.bias")).toBe(false);
    expect([...shapes.keys()].some((name) => name.endsWith("drift"))).toBe(false);
  });

  it("builds to an artifact with its own types", () => {
    const types = String(artifact(compile(text, { files }))["together.d.ts"]);
    for (const name of ["left", "right", "kind", "label", "place", "digit", "corner", "nearest", "far"]) {
      expect(types).toContain(`readonly ${name}: `);
    }
  });
});
