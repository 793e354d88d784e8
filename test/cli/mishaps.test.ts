/** What can go wrong with a run: each time a cause and a cure, exit code 1, and files in place as they were. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeSafetensors } from "../../runtime/index.ts";
import { expectUserError, jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const model = work.file("small.model", SMALL);
const variant = (name: string, from: string | RegExp, to: string) => work.file(name, SMALL.replace(from, to));

describe("divergence", () => {
  const steep = ["train", model, "--set", "optimizer.lr=1e30"];

  test("stops with the step, the last finite loss and what to try; nothing is overwritten", async () => {
    const kept = work.file("kept.safetensors", "as it was");
    const result = await mlc([...steep, "--save", kept, "--log", work.path("d.jsonl")]);
    expectUserError(
      result,
      /the loss is (NaN|-?Infinity) at step \d+ \(epoch 1\)/,
      /last finite loss was 2\.\d+ at step \d+/,
    );
    expectUserError(result, "--set optimizer.lr=1e+29", "--check-finite", "--keep-going");
    expect(work.read("kept.safetensors").toString()).toBe("as it was");
    expect(work.lines("d.jsonl").at(-1)).toMatchObject({
      event: "step",
      loss: null,
      nonfinite: expect.stringMatching(/NaN|Infinity/),
    });
  });

  test("weights that the last update ruined are not saved", async () => {
    const kept = work.file("kept.safetensors", "as it was");
    const result = await mlc(["train", model, "--set", "optimizer.lr=1e39", "--steps", "1", "--save", kept]);
    expectUserError(result, /\w+\.(weight|bias) has values that are not finite after step 1/);
    expect(work.read("kept.safetensors").toString()).toBe("as it was");
  });

  test("--keep-going trains on, and the log stays JSON", async () => {
    const { code } = await mlc([...steep, "--keep-going", "--epochs", "1", "--log", work.path("k.jsonl")]);
    expect(code).toBe(0);
    const events = work.lines("k.jsonl");
    expect(events).toHaveLength(12);
    expect(events[10]).toMatchObject({ event: "epoch", loss_sum: null, nonfinite: "NaN" });
  });

  test("--check-finite names the first tensor and its line", async () => {
    const log = variant("log.model", "dropout(0.1)", "log");
    const { stderr, ...result } = await mlc(["train", log, "--check-finite"]);
    expectUserError({ stderr, ...result }, "step 1", `${log}:9:5`, "log");
    const own = work.file("own.model", `fn own(x) = log(x)\n${SMALL.replace("dropout(0.1)", "own")}`);
    for (const options of [[], ["--backend", "js"], ["--threads", "1"], ["--set", "train.accumulate=3"]]) {
      expectUserError(await mlc(["train", own, "--check-finite", ...options]), "step 1", `${own}:1:13`, "log");
    }
  });

  test("--check-finite names the input whose data are not finite", async () => {
    const npy = (name: string, type: string, shape: string, data: Uint8Array) => {
      const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }\n`;
      const start = [0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0, ...Buffer.from(header)];
      work.file(`arrays/${name}.npy`, new Uint8Array([...start, ...data]));
    };
    mkdirSync(work.path("arrays"));
    const images = new Float32Array(64 * 192).fill(0.5).fill(Number.NaN, 40 * 192, 40 * 192 + 1);
    npy("image", "<f4", "64, 3, 8, 8", new Uint8Array(images.buffer));
    npy("label", "|u1", "64,", new Uint8Array(64));
    const path = variant("npy.model", /data .*/, 'data npy("arrays")');
    for (const backend of ["wasm", "js"]) {
      const result = await mlc(["train", path, "--no-shuffle", "--check-finite", "--backend", backend]);
      // Sample 40 is in the second batch of 32.
      expectUserError(result, "step 2", "in input image", `${path}:2:`, "correct them");
    }
  });

  test("as JSON", async () => {
    const { code, stdout } = await mlc([...steep, "--json"]);
    expect(code).toBe(1);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ event: "error", code: "diverged", help: expect.any(String) });
  });
});

describe("weights that do not fit", () => {
  const tensor = (name: string, shape: number[]) => ({
    name,
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });
  const conv = [tensor("conv1.weight", [8, 3, 3, 3]), tensor("conv1.bias", [8])];
  const file = (tensors: ReturnType<typeof tensor>[]) => work.file("w.safetensors", encodeSafetensors(tensors));
  const init = (path: string) => mlc(["train", model, "--init", path]);

  test("missing, surplus and misshapen tensors are all named", async () => {
    const path = file([...conv, tensor("fc.weight", [128, 10]), tensor("fcc.bias", [10])]);
    const result = await init(path);
    expectUserError(result, path, "missing: fc.bias [10]", "not in the model: fcc.bias [10]", "fc.weight is [128, 10]");
    expectUserError(await mlc(["eval", model, "--weights", path]), path, "missing: fc.bias");
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    ["cut", (bytes) => bytes.subarray(0, 300), /truncated/],
    ["empty", () => new Uint8Array(0), /no safetensors file/],
    ["with a header that lies about its length", (bytes) => bytes.fill(255, 0, 7), /header is said to be/],
    ["with a header that is no JSON", (bytes) => bytes.fill(33, 8, 20), /not JSON/],
    [
      "another kind",
      () => new TextEncoder().encode("PK\u0003\u0004 a zip archive, as torch.save writes"),
      /safetensors/,
    ],
  ])("a file that is %s", async (_, change, message) => {
    const whole = encodeSafetensors([...conv, tensor("fc.weight", [10, 128]), tensor("fc.bias", [10])]);
    expectUserError(await init(work.file("bad.safetensors", change(whole))), "bad.safetensors", message);
  });

  test("values that are not finite", async () => {
    const bias = { ...tensor("fc.bias", [10]), data: new Float32Array(10).fill(Number.NaN) };
    expectUserError(await init(file([...conv, tensor("fc.weight", [10, 128]), bias])), "fc.bias[0] is NaN");
  });

  test("no file", async () => {
    expectUserError(await init(work.path("none")), "cannot read", "ENOENT");
  });
});

describe("data that does not fit", () => {
  test("no data clause", async () => {
    expectUserError(
      await mlc(["train", variant("x.model", /data .*\n/, "\n")]),
      "no `data` clause",
      "data synthetic()",
    );
  });

  test("labels out of the target's range", async () => {
    expectUserError(
      await mlc([
        "train",
        work.file("x.model", SMALL.replace("class[10]", "class[5]").replace("linear(10)", "linear(5)")),
      ]),
      "class[10]",
      "class[5]",
    );
  });

  test("images of another size", async () => {
    const path = variant("x.model", /data .*\n/, "data cifar10()\n");
    mkdirSync(work.path("files"), { recursive: true });
    expectUserError(await mlc(["train", path, "--data", work.path("files")]), "3, 32, 32", "3, 8, 8");
  });

  test("a truncated file is named, with both sizes, and left as it is", async () => {
    const path = work.file(
      "x.model",
      SMALL.replace("3, 8, 8", "3, 32, 32").replace(/data .*\n/, "data cifar10(split = test)\n"),
    );
    mkdirSync(work.path("cut"));
    work.file("cut/test_batch.bin", new Uint8Array(3073 * 10));
    const result = await mlc(["train", path, "--data", work.path("cut")]);
    expectUserError(
      result,
      join("cut", "test_batch.bin"),
      "truncated: 30730 bytes, expected 30730000",
      "mlc data cifar10",
    );
    expect(work.read("cut/test_batch.bin")).toHaveLength(30730);
  });

  test("a source that the command line cannot read", async () => {
    expectUserError(
      await mlc(["train", variant("x.model", /data .*\n/, 'data webcam(path = "x")\n')]),
      "unknown data source `webcam`",
      "cifar10",
    );
  });
});

describe("places that cannot be written", () => {
  test.runIf(existsSync("/dev/full"))("a full disk", async () => {
    expectUserError(await mlc(["train", model, "--save", "/dev/full"]), "cannot write /dev/full", "no space is left");
    const save = work.path("kept.safetensors");
    const result = await mlc(["train", model, "--log", "/dev/full", "--save", save]);
    expectUserError(result, "cannot write the log", "no space is left", `${save} has the weights after step 1`);
    expect(await mlc(["train", model, "--init", save, "--steps", "1"])).toMatchObject({ code: 0 });
  });

  test("an artifact is replaced as a whole or not at all", async () => {
    const [folder, script] = [work.path("artifact"), join("artifact", "small.js")];
    mkdirSync(join(folder, "small.wasm"), { recursive: true });
    work.file(script, "as it was");
    expectUserError(await mlc(["build", model, "-o", folder]), /cannot write .*small\.wasm/, "it is a directory");
    expect(work.read(script).toString()).toBe("as it was");
    expect(readdirSync(folder).sort()).toEqual(["small.js", "small.wasm"]);
  });

  test("a file where a directory must be is noticed before training", async () => {
    const file = work.file("file", "as it was");
    const inside = join(file, "w.safetensors");
    const { stdout, ...result } = await mlc(["train", model, "--save", inside]);
    expectUserError({ stdout, ...result }, `cannot write ${inside}`);
    expect(stdout).toBe("");
    expectUserError(await mlc(["train", model, "--checkpoint-dir", file]), "cannot write");
    expectUserError(await mlc(["build", model, "-o", file]), "cannot write");
    expect(work.read("file").toString()).toBe("as it was");
  });
});

test("a model that cannot fit is refused with what takes the space", async () => {
  const path = variant("large.model", "linear(10)", "linear(1000000)\n    linear(2000)\n    linear(10)");
  expectUserError(await mlc(["build", path, "-o", work.path("large")]), /error\[/);
  expect(existsSync(work.path("large"))).toBe(false);
});

describe("what is no file", () => {
  const reads = (path: string) => [
    ["check", path],
    ["fmt", path],
    ["explain", path],
    ["train", model, "--init", path],
    ["eval", model, "--weights", path],
  ];

  test.runIf(process.platform === "linux")("is not waited for, nor read without end", async () => {
    const pipe = work.path("pipe");
    execFileSync("mkfifo", [pipe]);
    const endless = work.path("endless");
    symlinkSync("/dev/zero", endless);
    for (const args of [...reads(pipe), ...reads(endless)]) {
      expectUserError(await mlc(args), "cannot read", "pipe or a device", "help: Name a file");
    }
    expectUserError(await mlc(["check", "/dev/zero"]), "/dev/zero has more than 67108864 bytes");
  });

  test("links in a circle, and a directory", async () => {
    const circle = work.path("circle.model");
    symlinkSync(circle, circle);
    for (const args of reads(circle)) expectUserError(await mlc(args), "cannot read", "circle", "help: Mend the links");
    for (const args of reads(work.directory).filter(([command]) => command !== "fmt")) {
      expectUserError(await mlc(args), "cannot read", "it is a directory", "help: Name a file");
    }
  });

  test("text that is no UTF-8 is not formatted: what it said would be lost", async () => {
    const latin = Buffer.from(`// caf\u00e9\n${SMALL.replace("net {", "net  {")}`, "latin1");
    const path = work.file("latin.model", latin);
    expectUserError(await mlc(["fmt", path]), /error\[not-text\]/, `${path}:1:7`, "save it as UTF-8");
    expect(work.read("latin.model").equals(latin)).toBe(true);
  });
});
