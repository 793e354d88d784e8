/**
 * Every code of the catalogue, with its exact place and text: what the compiler says about the code's example, or about the
 * input below where the catalogue can show none. A new code needs an example; `npx vitest … test/errors -u` blesses new texts.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CompileError, type Diagnostic } from "../../compiler/diagnostics.ts";
import { renderDiagnostic } from "../../compiler/diagnostics-text.ts";
import { readCatalogue } from "../../compiler/errors.ts";
import { checkGradients } from "../../compiler/gradients/check.ts";
import catalogue from "../../compiler/messages.md";
import { loadJs } from "../fuzz/backends.ts";
import { check, modelWith } from "./front-end.ts";

interface Input {
  readonly text: string;
  readonly set?: Record<string, string>;
  readonly files?: Record<string, string>;
}

const many = (count: number, part: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => part(i)).join("\n");
const importing = (path: string): string => `import "${path}"\n${modelWith("")}`;

/** What is too long for the catalogue, or needs more than one file or an option. */
const INPUTS: Readonly<Record<string, Input>> = {
  "file-too-large": { text: " ".repeat(2_000_000) },
  "not-text": { text: modelWith("// caf\ufffd\n") },
  "too-many-tokens": { text: modelWith(`net {\n${many(6000, () => "relu")}\n}`) },
  "token-too-long": { text: `let ${"a".repeat(2000)} = 1` },
  "nested-too-deeply": { text: modelWith(`let a = ${"(".repeat(60)}1${")".repeat(60)}`) },
  "expression-too-long": { text: modelWith(`let a = 1${" + 1".repeat(600)}`) },
  "too-many-errors": { text: modelWith(`net {\n${many(40, (i) => `wrong${i}`)}\n}`) },
  "import-cycle": {
    text: importing("./a.model"),
    files: { "a.model": 'import "./b.model"\n', "b.model": 'import "./a.model"\n' },
  },
  "too-many-imports": {
    text: `${many(120, (i) => `import "./a${i}.model"`)}\n${modelWith("")}`,
    files: Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`a${i}.model`, `let a${i} = 1\n`])),
  },
  "imports-too-large": {
    text: `${many(8, (i) => `import "./a${i}.model"`)}\n${modelWith("")}`,
    files: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`a${i}.model`, `// ${"x".repeat(900_000)}\n`])),
  },
  "unknown-import": {
    text: `import swisch from "./a.model"\n${modelWith("")}`,
    files: { "a.model": "fn swish(x) = x\n" },
  },
  "unknown-override": { text: modelWith(""), set: { "trains.epochs": "1" } },
  "model-too-large": {
    text: modelWith("net { flatten; fc1: linear(30000); fc2: linear(30000); fc3: linear(10) }"),
  },
};

const examples = new Map(
  catalogue
    .split(/^### /m)
    .slice(1)
    .flatMap((part) => {
      const example = /```model\n([^`]*)```/.exec(part)?.[1];
      return example === undefined
        ? []
        : [[part.slice(0, part.indexOf("\n")).trim(), { text: modelWith(example) }] as const];
    }),
);

/** What the front end says; where it says nothing, the rest of the compiler. */
async function diagnosticsOf({ text, set, files }: Input, code: string): Promise<readonly Diagnostic[]> {
  if (code === "gradient-differs") {
    return (await checkGradients(text, { file: "input.model", load: loadJs })).diagnostics;
  }
  const { diagnostics, model } = check(text, set, "input.model", files);
  if (model === null || diagnostics.length > 0) return diagnostics;
  try {
    return compile(text, { file: "input.model", overrides: set, files }).warnings;
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics;
    throw error;
  }
}

/** Lines of the library and the plan of the memory change for reasons of their own. */
const lasting = (text: string): string =>
  text
    .replace(/\((std\/[\w-]+\.model):\d+:\d+\)/g, "($1)")
    .replace(/\n.*= note: +[\d.]+ [GMK]iB .*/g, "")
    .replace(/[\d.]+ GiB of memory/, "… GiB of memory");

const codes = [...readCatalogue(catalogue).keys()];

it.each(codes)("%s", async (code) => {
  const input = INPUTS[code] ?? examples.get(code);
  expect(input, "the catalogue has no example").toBeDefined();
  const diagnostics = await diagnosticsOf(input!, code);
  expect(diagnostics.map((d) => d.code)).toContain(code);
  for (const { span } of diagnostics) expect(span).not.toBeNull();
  const shown = diagnostics.filter((d) => d.code === code).map((d) => lasting(renderDiagnostic(d)));
  await expect(`${shown.join("\n\n")}\n`).toMatchFileSnapshot(`codes/${code}.txt`);
});

it("has no text for a code that is gone", () => {
  const folder = fileURLToPath(new URL("codes", import.meta.url));
  expect(readdirSync(folder).filter((name) => !codes.includes(name.replace(/\.txt$/, "")))).toEqual([]);
});
