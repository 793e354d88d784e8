/** `mlc predict`: pictures of every kind, their classes by name, and what cannot be read. */
import { mkdirSync, writeFileSync } from "node:fs";
import { encode } from "fast-png";
import { beforeAll, describe, expect, test } from "vitest";
import { decodePicture } from "../../compiler/cli/data/image.ts";
import { resizePlanes } from "../../compiler/cli/data/resize.ts";
import { compile } from "../../compiler/compile.ts";
import { createTrainer, decodeSafetensors, encodeSafetensors, toNumbers } from "../../runtime/index.ts";
import { golden, picture } from "../data/pictures.ts";
import { expectUserError, jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const place = new Workplace();
const MODEL = SMALL.replace("eval_size = 90)", "eval_size = 90) { random_crop(padding = 2); normalize }");
const file = place.file("small.model", MODEL);
const weights = place.path("small.safetensors");

beforeAll(async () => {
  for (const { name } of golden.pictures) place.file(name, picture(name));
  expect((await mlc(["train", file, "--epochs", "1", "--save", weights, "--quiet"])).code).toBe(0);
});

const predict = (...args: string[]) => mlc(["predict", file, "--weights", weights, ...args]);

describe("pictures", () => {
  test("of every kind have the classes that the trainer gives for their bytes", async () => {
    const trainer = await createTrainer(compile(MODEL).executable());
    await trainer.load(place.read("small.safetensors"));
    const paths = golden.pictures.map(({ name }) => place.path(name));
    const { code, stdout } = await predict(...paths, "--json", "--top", "10");
    expect(code).toBe(0);
    const events = jsonLines(stdout);
    expect(events.map(({ path }) => path)).toEqual(paths);
    for (const [i, { name }] of golden.pictures.entries()) {
      const image = resizePlanes(decodePicture(picture(name), 3), 8, 8);
      const { logits } = (await trainer.predict({ image })) as unknown as { logits: Float32Array };
      const powers = Array.from(logits, Math.exp);
      const total = powers.reduce((a, b) => a + b);
      const top = events[i].top as { class: number; name: string; probability: number }[];
      for (const guess of top) {
        expect(guess.probability).toBeCloseTo(powers[guess.class] / total, 12);
        expect(guess.name).toBe(trainer.classes![guess.class]);
      }
      expect(top.map(({ probability }) => probability)).toEqual(
        top.map((guess) => guess.probability).sort((a, b) => b - a),
      );
      expect(new Set(top.map((guess) => guess.class)).size).toBe(10);
    }
  });

  test("are shown with names and shares, more than a batch of them, from folders", async () => {
    const folder = place.path("many");
    mkdirSync(`${folder}/deeper`, { recursive: true });
    for (let i = 0; i < 40; i++) writeFileSync(`${folder}/deeper/${i}.png`, picture("rgb.png"));
    const { code, stdout } = await predict(folder, "--top", "2");
    expect(code).toBe(0);
    const [path, first, second] = stdout.split("\n");
    expect(path).toBe(`${folder}/deeper/0.png`);
    for (const line of [first, second]) expect(line).toMatch(/^ {2}[ \d]{3}\.\d\d% {2}[a-z ]+$/);
    expect(stdout.split("\n").length).toBe(40 * 3 + 1);
  });

  test("that cannot be read are named; the others are predicted", async () => {
    const broken = place.file("broken.png", picture("rgb.png").slice(0, 60));
    const text = place.file("text.jpg", "no picture");
    const result = await predict(broken, place.path("rgb.jpg"), text, place.path("none.png"));
    expectUserError(
      result,
      "broken.png: the file is damaged",
      "text.jpg: it is neither PNG nor JPEG",
      "none.png: it cannot be read",
    );
    expect(result.stdout).toContain("rgb.jpg\n");
    const json = await predict(broken, place.path("rgb.jpg"), "--json");
    expect(json).toMatchObject({ code: 1, stderr: "" });
    expect(jsonLines(json.stdout).map(({ event }) => event)).toEqual(["error", "predict"]);
  });
});

describe("weights", () => {
  const stored = () => {
    const { tensors, metadata } = decodeSafetensors(place.read("small.safetensors"));
    return { metadata, tensors: [...tensors].map(([name, t]) => ({ name, shape: t.shape, data: toNumbers(t, name) })) };
  };

  test("name the classes; else the data source does, else they have numbers", async () => {
    const { tensors, metadata } = stored();
    const named = { ...metadata, "mlc.classes": JSON.stringify(Array.from({ length: 10 }, (_, i) => `Klasse ${i}`)) };
    const other = place.file("named.safetensors", encodeSafetensors(tensors, named));
    const plain = place.file("plain.safetensors", encodeSafetensors(tensors));
    const npy = place.file("npy.model", MODEL.replace("synthetic(size = 300, eval_size = 90)", 'npy("nowhere")'));
    const image = place.path("rgb.png");
    const text = async (model: string, weights: string) =>
      (await mlc(["predict", model, "--weights", weights, image])).stdout;
    expect(await text(file, other)).toMatch(/% {2}Klasse \d/);
    expect(await text(file, plain)).toMatch(/% {2}(disc|ring|square|frame|triangle|cross|.* stripes|gradient)\n/);
    expect(await text(npy, plain)).toMatch(/% {2}class \d\n/);
  });

  test("that lack what is computed from the training data are refused", async () => {
    const { tensors } = stored();
    const bare = tensors.filter(({ name }) => !name.startsWith("data."));
    const path = place.file("bare.safetensors", encodeSafetensors(bare));
    const result = await mlc(["predict", file, "--weights", path, place.path("rgb.png")]);
    expectUserError(result, "bare.safetensors does not hold data.normalize.mean, data.normalize.variance");
    // Evaluation measures them.
    const [whole, without] = [weights, path].map((w) => mlc(["eval", file, "--weights", w, "--json"]));
    expect((await without).stdout).toBe((await whole).stdout);
  });
});

test("a model that predicts numbers gives them", async () => {
  const text = MODEL.replace("target label: class[10]", "target label: f32[10]")
    .replace("cross_entropy", "mse")
    .replace(/metric.*/, "");
  const model = place.file("numbers.model", text);
  const [event] = jsonLines(
    (await mlc(["predict", model, "--weights", weights, place.path("rgb.png"), "--json"])).stdout,
  );
  expect(event).toMatchObject({ event: "predict", output: expect.any(Array) });
  expect(event.output).toHaveLength(10);
});

test("a model that takes no pictures says so", async () => {
  const text = MODEL.replace("f32[3, 8, 8]", "f32[5, 8, 8]");
  const result = await mlc(["predict", place.file("five.model", text), "--weights", weights, place.path("rgb.png")]);
  expectUserError(result, "gives pictures f32[3, height, width]");
});

test("a picture that is large is read in the size of the model", async () => {
  const data = new Uint8Array(3 * 900 * 1100).fill(77);
  const path = place.file("large.png", encode({ width: 900, height: 1100, data, channels: 3, depth: 8 }));
  expect((await predict(path)).code).toBe(0);
});
