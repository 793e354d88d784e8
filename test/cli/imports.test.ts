/** Models that import other files: the command line reads them from the model's folder, and nothing else. */
import { mkdirSync, symlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { expectUserError, jsonLines, mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
mkdirSync(work.path("project/lib"), { recursive: true });
mkdirSync(work.path("secrets"));
work.file("secrets/key.model", "layer key = in");
work.file(
  "project/lib/blocks.model",
  'import "act.model"\nlayer block(k: size) { conv2d(k, kernel = 3, padding = 1); act }\n',
);
work.file("project/lib/act.model", "let slope = 0.1\nfn act(x) = leaky_relu(x, slope)\n");
const main = work.file(
  "project/net.model",
  `import "lib/blocks.model"\n${SMALL.replace("conv1: conv2d(8, kernel = 3, padding = 1)", "conv1: block(8)")}`,
);

const withImport = (name: string, path: string): string => work.file(`project/${name}`, `import "${path}"\n${SMALL}`);

test("check, train, eval and build read what the model imports", async () => {
  expect((await mlc(["check", main])).stdout).toBe(`${main}: no errors\n`);
  const weights = work.path("w.safetensors");
  const trained = await mlc(["train", main, "--steps", "2", "--save", weights, "--quiet"]);
  expect(trained).toMatchObject({ code: 0, stderr: "" });
  expect(await mlc(["eval", main, "--weights", weights])).toMatchObject({ code: 0 });
  expect(await mlc(["build", main, "-o", work.path("dist"), "--quiet"])).toMatchObject({ code: 0 });
  expect(work.read("dist/net.d.ts").toString()).toContain('"conv1.conv2d.weight"');
  expect(await mlc(["explain", main, "--stage", "simplify"])).toMatchObject({ code: 0 });
});

test("an error in an imported file is shown there", async () => {
  work.file("project/lib/wrong.model", "layer wrong { conv2d(8, kernal = 3) }\n");
  const used = work.file(
    "project/used.model",
    `import "lib/wrong.model"\n${SMALL.replace("flatten", "wrong; flatten")}`,
  );
  const { code, stdout } = await mlc(["check", used, "--json"]);
  expect(code).toBe(1);
  const [diagnostic] = jsonLines(stdout);
  expect(diagnostic).toMatchObject({
    code: "unknown-argument",
    place: { file: work.path("project/lib/wrong.model"), line: 1, column: 25 },
  });
});

test("nothing outside of the model's folder is read", async () => {
  expectUserError(await mlc(["check", withImport("up.model", "../secrets/key.model")]), "leads out of the folder");
  expectUserError(await mlc(["check", withImport("root.model", work.path("secrets/key.model"))]), "it is absolute");
  symlinkSync(work.path("secrets/key.model"), work.path("project/key.model"));
  symlinkSync(work.path("secrets"), work.path("project/linked"));
  symlinkSync("/dev/zero", work.path("project/zero.model"));
  symlinkSync(work.path("project/lib/act.model"), work.path("project/inside.model"));
  for (const path of ["key.model", "linked/key.model", "zero.model"]) {
    expectUserError(await mlc(["check", withImport("link.model", path)]), "a link leads out of");
  }
  expect((await mlc(["check", withImport("good.model", "inside.model")])).code).toBe(0);
});

test("what is no file, or not there, is named", async () => {
  mkdirSync(work.path("project/folder.model"));
  expectUserError(await mlc(["check", withImport("f.model", "folder.model")]), "folder.model", "it is not a file");
  expectUserError(await mlc(["check", withImport("f.model", "nowhere.model")]), "nowhere.model", "ENOENT", ":1:8");
  work.file("project/large.model", "/".repeat(5_000_000));
  expectUserError(await mlc(["check", withImport("f.model", "large.model")]), "5000000 bytes");
});

test("a misspelt path is compared with the files that there are", async () => {
  const shown = async (path: string) => (await mlc(["check", withImport("typo.model", path)])).stderr;
  expect(await shown("lib/block.model")).toContain("did you mean `lib/blocks.model`?");
  expect(await shown("libs/act.model")).toContain("did you mean `lib/act.model`?");
  expect(await shown("linked/kez.model")).not.toContain("did you mean");
  expect(await shown("lib/nothing_like_it.model")).not.toContain("did you mean");
});
