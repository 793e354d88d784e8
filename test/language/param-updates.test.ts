/** `update` of a parameter: the optimizer's step starts from the value that the net has given it, which is no part of the gradient. */
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { trainerFor, trainThreeWays } from "./run.ts";

/** y = weight · x, and the weight is halved each time. */
const HALVED = "layer halved { param weight[1] ~ constant(8); update weight = weight / 2; in * weight }";

function text(net: string, settings = "", optimizer = "sgd(lr = 1)"): string {
  return `${HALVED}
model updated {
  input x: f32[1]
  target y: f32[1]
  net { ${net} }
  loss mean(net * y)
  optimizer ${optimizer}
  train { batch = 2${settings} }
}`;
}

/** The gradient of the weight is the mean of x · y: 3. */
const BATCH = { x: Float32Array.of(1, 2), y: Float32Array.of(2, 2) };

async function weights(source: string, batches: number): Promise<number[]> {
  const trainer = await trainerFor(compile(source));
  const found = [];
  for (let i = 0; i < batches; i++) {
    await trainer.step(BATCH);
    found.push(trainer.tensor("own.weight").data[0]);
  }
  await trainer.evaluate(BATCH);
  expect(trainer.tensor("own.weight").data[0], "after an evaluation").toBe(found.at(-1));
  return found;
}

describe("update of a parameter", () => {
  it("comes before the optimizer's step", async () => {
    expect(await weights(text("own: halved"), 3)).toEqual([8 / 2 - 3, 1 / 2 - 3, -2.5 / 2 - 3]);
    // Weight decay and momentum see the new value.
    const decayed = "sgd(lr = 1, weight_decay = 0.5, momentum = 0.5)";
    expect(await weights(text("own: halved", "", decayed), 2)).toEqual([4 - (3 + 2), -0.5 - (2.5 + (3 - 0.25))]);
  });

  it("is all that happens to a frozen one", async () => {
    const net = "own: halved(requires_grad = false); other: linear(1)";
    expect(await weights(text(net), 3)).toEqual([4, 2, 1]);
  });

  it("comes with each batch of an update of several", async () => {
    const trainer = await trainerFor(compile(text("own: halved", ", accumulate = 2")));
    for await (const _ of trainer.fit(
      { x: Float32Array.of(1, 2, 1, 2), y: Float32Array.of(2, 2, 2, 2) },
      { epochs: 1 },
    ));
    expect(trainer.tensor("own.weight").data[0]).toBe(8 / 4 - 3);
  });

  it("goes on from place to place of a shared layer, whose gradient is that of all places", async () => {
    const net = "share own = halved; let a = in |> own; let b = in |> own; a + b";
    // The second place sees half of the weight; both count in the gradient.
    expect(await weights(text(net), 2)).toEqual([8 / 4 - 6, -4 / 4 - 6]);
    const trainer = await trainerFor(compile(text(net)));
    expect((await trainer.step(BATCH)).loss).toBe(3 * 8 + 3 * 4);
  });

  it("is the same in WebAssembly, JavaScript and the interpreter", async () => {
    const source = text("own: halved; other: linear(1)", "", "adam(lr = 0.1)");
    const { tensors } = await trainThreeWays(source, BATCH, 4);
    expect(tensors.get("own.weight")!.data[0]).toBeLessThan(1);
  });
});

it("an embedding's vectors stay within max_norm, and that of padding_idx starts at 0", async () => {
  const source = `model m {
  input tokens: i32[3]
  target y: f32[4]
  net { table: embedding(20, 4, padding_idx = 3, max_norm = 1); mean(axis = 1) }
  loss mse(net, y)
  optimizer sgd(lr = 0)
  train { batch = 2 }
}`;
  const trainer = await trainerFor(compile(source));
  const length = (row: number) => Math.hypot(...trainer.tensor("table.weight").data.subarray(4 * row, 4 * row + 4));
  const before = Array.from({ length: 20 }, (_, row) => length(row));
  expect(before[3]).toBe(0);
  expect(Math.min(...before.filter((_, row) => row !== 3))).toBeGreaterThan(0);
  await trainer.step({ tokens: Int32Array.of(0, 3, 5, 5, 7, 19), y: new Float32Array(8) });
  for (const [row, old] of before.entries()) {
    const used = [0, 3, 5, 7, 19].includes(row);
    expect(length(row), `row ${row}`).toBeCloseTo(used ? Math.min(old, 1) : old, 5);
  }
});

it("a number beyond an embedding's vectors gives 0, also with scale_grad_by_freq", async () => {
  const source = `model m {
  input tokens: i32[2]
  target y: f32[2]
  net { table: embedding(3, 1, scale_grad_by_freq = true); flatten }
  loss mse(net, y)
  optimizer sgd(lr = 0.1)
  train { batch = 1 }
}`;
  const trainer = await trainerFor(compile(source));
  const { output } = await trainer.predict({ tokens: Int32Array.of(3, -1) });
  expect([...(output as Float32Array)]).toEqual([0, 0]);
  const { loss } = await trainer.step({ tokens: Int32Array.of(3, -1), y: Float32Array.of(1, 3) });
  expect(loss).toBe(5);
  expect([...trainer.tensor("table.weight").data].every(Number.isFinite)).toBe(true);
});
