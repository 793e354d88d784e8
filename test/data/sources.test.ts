/** Training on folders of pictures, on arrays, and on parts that are held out: what is read, and what is said where it does not fit. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encode } from "fast-png";
import { describe, expect, test } from "vitest";
import { decodeSafetensors } from "../../runtime/index.ts";
import { expectUserError, jsonLines, mlc, Workplace } from "../cli/run.ts";
import { picture } from "./pictures.ts";

const place = new Workplace();
let folders = 0;
/** A folder of its own with these files. */
function folder(files: Readonly<Record<string, Uint8Array | string>>): string {
  const root = place.path(`data${folders++}`);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

/** A picture of one colour. */
function plain(red: number, green: number, blue: number): Uint8Array {
  const data = Uint8Array.from({ length: 6 * 5 * 3 }, (_, i) => [red, green, blue][i % 3]);
  return encode({ width: 6, height: 5, data, channels: 3, depth: 8 });
}

const PICTURES = {
  "train/apples/a.png": plain(200, 30, 20),
  "train/apples/deep/er/b.png": plain(180, 10, 10),
  "train/Ünï 猫/c.PNG": plain(10, 20, 190),
  "train/Ünï 猫/d.jpg": picture("rgb.jpg"),
  "train/.hidden/x.png": plain(1, 2, 3),
  "train/notes.txt": "not a class",
  "val/Ünï 猫/e.png": plain(0, 0, 250),
};

interface Written {
  readonly data: string;
  readonly input?: string;
  readonly target?: string;
  readonly steps?: string;
}

function model(root: string, { data, input = "f32[3, 4, 4]", target = "class[2]", steps = "" }: Written): string {
  const scores = /^class\[(\d+)/.exec(target)?.[1] ?? "1";
  const isClass = target.startsWith("class");
  const path = join(root, "m.model");
  writeFileSync(
    path,
    `model m {
  input image: ${input}
  target label: ${target}
  net { flatten; fc: linear(${scores}) }
  loss ${isClass ? "cross_entropy" : "mse"}(net, label)
  ${isClass ? "metric accuracy(net, label)" : ""}
  optimizer sgd(lr = 0.1)
  data ${data} { ${steps} }
  train { epochs = 2, batch = 3 }
}`,
  );
  return path;
}

const train = async (file: string, ...args: string[]) => mlc(["train", file, "--threads", "1", ...args]);

describe("a folder of pictures", () => {
  const data = 'image_folder("train", eval = "val")';

  test("is trained on, its folders the classes; weights keep their names", async () => {
    const root = folder(PICTURES);
    const save = join(root, "w.safetensors");
    const result = await train(model(root, { data, steps: "random_flip; normalize" }), "--save", save);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toContain("image_folder: 4 training images (");
    expect(result.stdout).toContain("1 evaluation image (");
    const { metadata } = decodeSafetensors(place.read(save.slice(place.directory.length + 1)));
    expect(JSON.parse(metadata["mlc.classes"])).toEqual(["apples", "Ünï 猫"]);
  });

  test("is found from --data, too, and need not be evaluated", async () => {
    const root = folder(PICTURES);
    const elsewhere = folder({});
    mkdirSync(elsewhere, { recursive: true });
    const file = model(elsewhere, { data: 'image_folder("train")' });
    expectUserError(await train(file), /there is no train \(looked for .*data.*, train/);
    const result = await train(file, "--data", root);
    expect(result.code).toBe(0);
    expect(result.stdout).not.toContain("evaluation");
    const evaluated = await mlc(["eval", file, "--weights", join(root, "none.safetensors"), "--data", root]);
    expectUserError(evaluated, "none.safetensors");
  });

  test("of grey pictures for a model of one channel", async () => {
    const root = folder(PICTURES);
    const result = await train(
      model(root, { data: 'image_folder("train", size = [7, 4], fit = crop)', input: "f32[1, 7, 4]" }),
    );
    expect(result).toMatchObject({ code: 0, stderr: "" });
  });

  test.each([
    [
      "another size",
      { data: 'image_folder("train", size = 32)' },
      /size = 32 gives pictures of 32 rows and 32 columns/,
    ],
    ["other channels", { data, input: "f32[2, 4, 4]" }, /gives pictures f32\[3, height, width\]/],
    ["other classes", { data, target: "class[3]" }, /one label, class\[2\].*label: class\[3\]/],
    [
      "the folder of the splits",
      { data: 'image_folder(".")' },
      /has the folders train, val: these are splits, not classes/,
    ],
    [
      "a folder without folders",
      { data: 'image_folder("train/apples/deep/er")' },
      /has no folders: there are no classes/,
    ],
    ["no folder", { data: 'image_folder("trian")' }, /there is no trian/],
    ["a file", { data: 'image_folder("train/notes.txt")' }, /cannot read the folder .*notes\.txt/],
  ] as const)("does not fit: %s", async (_, written, message) => {
    const root = folder(PICTURES);
    expectUserError(await train(model(root, written)), message);
  });

  test("names every broken file", async () => {
    const root = folder({
      ...PICTURES,
      "train/apples/empty.png": "",
      "train/apples/text.jpg": "no picture",
      "train/apples/cut.jpg": picture("rgb.jpg").slice(0, 200),
      "train/Ünï 猫/half.png": picture("rgb.png").slice(0, 100),
    });
    symlinkSync("nowhere.png", join(root, "train/apples/gone.png"));
    const result = await train(model(root, { data }));
    expectUserError(result, /5 pictures cannot be read/, "empty.png: the file is empty", "text.jpg: it is neither");
    expect(result.stderr).toMatch(/cut\.jpg[\s\S]*gone\.png[\s\S]*Ünï 猫.half\.png: the file is damaged/);
  });

  test("refuses an empty class, and a class that training does not know", async () => {
    const root = folder({ ...PICTURES, "val/pears/p.png": plain(0, 99, 0) });
    expectUserError(
      await train(model(root, { data })),
      "val has the classes pears, which the training folder does not have",
    );
    rmSync(join(root, "val/pears"), { recursive: true });
    mkdirSync(join(root, "train/bananas"));
    expectUserError(await train(model(root, { data, target: "class[3]" })), "bananas has no PNG or JPEG pictures");
  });

  test("follows links, but not in circles; says what it leaves out", async () => {
    const root = folder({ ...PICTURES, "train/apples/moving.gif": "GIF89a" });
    symlinkSync(join(root, "train"), join(root, "train/apples/again"));
    symlinkSync(join(root, "train/Ünï 猫"), join(root, "train/apples/more"));
    const result = await train(model(root, { data }));
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/left out \d+ files? that are no PNG or JPEG, such as .*moving\.gif/);
  });
});

describe("arrays", () => {
  /** As numpy.save writes it. */
  function npy(descr: string, shape: readonly number[], values: Iterable<number>): Uint8Array {
    const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }\n`;
    const data = { "|u1": Uint8Array, "<i4": Int32Array, "<f4": Float32Array, "<f8": Float64Array }[descr]!.from([
      ...values,
    ]);
    const start = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8);
    return Buffer.concat([start, Buffer.from(text), Buffer.from(data.buffer)]);
  }
  const count = (length: number, map = (i: number) => i) => Array.from({ length }, (_, i) => map(i));
  const images = npy(
    "|u1",
    [8, 3, 4, 4],
    count(8 * 48, (i) => i % 256),
  );
  const labels = npy(
    "<i4",
    [8],
    count(8, (i) => i % 2),
  );
  const ARRAYS = { "a/images.npy": images, "a/labels.npy": labels };

  test.each([
    ["bytes and classes", {}, {}],
    [
      "floats without the axis of one channel",
      { "a/images.npy": npy("<f8", [8, 4, 4], count(128)) },
      { input: "f32[1, 4, 4]" },
    ],
    ["a number to predict", { "a/labels.npy": npy("<f4", [8], count(8)) }, { target: "f32[1]" }],
    ["whole numbers to predict", { "a/labels.npy": npy("<i4", [8, 1], count(8)) }, { target: "f32[1]" }],
    [
      "files of the inputs' names",
      { "a/image.npy": images, "a/label.npy": labels, "a/images.npy": "x", "a/labels.npy": "x" },
      {},
    ],
  ])("of %s are trained on", async (_, files, written) => {
    const root = folder({ ...ARRAYS, ...files });
    const result = await train(model(root, { data: 'npy("a", validation = 3)', ...written }));
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toContain("npy: 5 training samples (");
    expect(result.stdout).toContain("3 evaluation samples (held out of");
  });

  test("for several inputs and targets, by their names", async () => {
    const root = folder({
      "a/left.npy": npy("<f4", [6, 2], count(12)),
      "a/right.npy": npy("<f8", [6, 3], count(18)),
      "a/kind.npy": npy(
        "<i4",
        [6],
        count(6, (i) => i % 2),
      ),
      "a/size.npy": npy("<f4", [6, 1], count(6)),
    });
    const path = join(root, "m.model");
    writeFileSync(
      path,
      `model m {
  input left: f32[2]
  input right: f32[3]
  target kind: class[2]
  target size: f32[1]
  net { concat([left, right]); fc: linear(3) }
  loss cross_entropy(slice(net, 1, 0, 2), kind) + mse(slice(net, 1, 2), size)
  optimizer sgd(lr = 0.001)
  data npy("a", eval = "a")
  train { epochs = 1, batch = 4 }
}`,
    );
    const result = await train(path);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    rmSync(join(root, "a/size.npy"));
    expectUserError(await train(path), "a has no size.npy for the target `size`", /numpy\.save\("size.npy", x\)/);
  });

  test.each([
    [
      "channels last",
      {
        "a/images.npy": npy(
          "|u1",
          [8, 4, 4, 3],
          count(8 * 48, () => 1),
        ),
      },
      /is \[8, 4, 4, 3\].*f32\[3, 4, 4\][\s\S]*transpose\(0, 3, 1, 2\)/,
    ],
    [
      "other sizes",
      {
        "a/images.npy": npy(
          "|u1",
          [8, 3, 4, 5],
          count(8 * 60, () => 1),
        ),
      },
      /is \[8, 3, 4, 5\][\s\S]*\[samples, 3, 4, 4\]/,
    ],
    [
      "fewer labels",
      {
        "a/labels.npy": npy(
          "<i4",
          [7],
          count(7, () => 1),
        ),
      },
      /labels\.npy has 7 samples; the arrays before it have 8/,
    ],
    [
      "floats for classes",
      {
        "a/labels.npy": npy(
          "<f4",
          [8],
          count(8, () => 1),
        ),
      },
      /labels\.npy has floats; the model declares `target label: class\[2\]`/,
    ],
    [
      "a class too many",
      { "a/labels.npy": npy("<i4", [8], count(8)) },
      /label\[2\] is 2; the model's classes are 0 … 1/,
    ],
    ["a file cut off", { "a/labels.npy": labels.slice(0, -3) }, /cannot read .*labels\.npy: .*the file is truncated/],
    [
      "no samples",
      { "a/images.npy": npy("|u1", [0, 3, 4, 4], []), "a/labels.npy": npy("<i4", [0], []) },
      /have no samples/,
    ],
  ])("that do not fit: %s", async (_, files, message) => {
    const root = folder({ ...ARRAYS, ...files });
    expectUserError(await train(model(root, { data: 'npy("a", eval = "a")' })), message);
  });
});

describe("samples held out to validate on", () => {
  const losses = (stdout: string) => jsonLines(stdout).filter(({ event }) => event === "eval");
  const data = "synthetic(size = 50, eval_size = 20";

  test("are the same for each seed, in training and afterwards, and other than those trained on", async () => {
    const root = folder({ "x.txt": "" });
    const file = model(root, { data: `${data}, validation = 0.2)`, target: "class[10]" });
    const save = join(root, "w.safetensors");
    const [first, second] = [await train(file, "--json", "--save", save), await train(file, "--json", "--seed", "9")];
    expect(losses(first.stdout).map(({ n }) => n)).toEqual([10, 10]);
    expect(losses(second.stdout).map(({ n }) => n)).toEqual([10, 10]);
    const { epoch: _, ...last } = losses(first.stdout)[1];
    const evaluate = async (...args: string[]) =>
      jsonLines((await mlc(["eval", file, "--weights", save, "--json", ...args])).stdout)[0];
    expect(await evaluate()).toEqual({ ...last, event: "eval" });
    expect(await evaluate("--split", "validation")).toEqual(await evaluate());
    expect(await evaluate("--split", "train")).toMatchObject({ n: 40 });
    expect(await evaluate("--split", "eval")).toMatchObject({ n: 20 });
    expect(await evaluate("--set", "data.validation_seed=1")).not.toEqual(await evaluate());
  });

  test.each(["0.001", "50", "60", "1.5", "-0.1"])("cannot be %s of 50", async (share) => {
    const root = folder({ "x.txt": "" });
    expectUserError(
      await train(model(root, { data: `${data}, validation = ${share})`, target: "class[10]" })),
      /validation/,
    );
  });

  test("are asked for where there are none", async () => {
    const root = folder({ "x.txt": "" });
    const file = model(root, { data: `${data})`, target: "class[10]" });
    const save = join(root, "w.safetensors");
    await train(file, "--save", save);
    expectUserError(
      await mlc(["eval", file, "--weights", save, "--split", "validation"]),
      "holds no validation samples out",
    );
  });
});
