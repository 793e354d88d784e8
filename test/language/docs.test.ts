/** docs/language.md is current: its library part is that of the comments in compiler/std (`-u` rewrites it), its examples compile. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { LibraryEntry } from "../../compiler/1-parse/library.ts";
import type { AssertStatement, Statement } from "../../compiler/1-parse/syntax.ts";
import { LIBRARY } from "../../compiler/std/index.ts";
import { libraryReference } from "../../compiler/std/reference.ts";
import { check, modelWith } from "../errors/front-end.ts";

const path = fileURLToPath(new URL("../../docs/language.md", import.meta.url));
const page = readFileSync(path, "utf8");

it("has the library as its comments describe it", async () => {
  const current = page.replace(
    /(<!-- library -->\n)[\s\S]*(<!-- end of library -->)/,
    (_, start, end) => `${start}\n${libraryReference()}\n\n${end}`,
  );
  await expect(current).toMatchFileSnapshot(path);
});

const examples = [...page.matchAll(/```model\n([\s\S]*?)```/g)].map((match) => match[1]);

it.each(examples.map((text, i) => [i + 1, text] as const))("example %i compiles", (_, text) => {
  expect(check(modelWith(text)).diagnostics).toEqual([]);
});

const entries = LIBRARY.flatMap((file) => file.entries);
const uses = (name: string): number =>
  LIBRARY.reduce((count, { text }) => count + [...text.matchAll(new RegExp(`\\b${name}\\b`, "g"))].length, 0);
const exampleOf = (doc: string): string | undefined => /Example: `([^`]*)`/.exec(doc)?.[1];

it("says nothing of what only serves others, and that is used", () => {
  const unused = entries.filter(({ name, doc }) => doc === "" && uses(name) < 2);
  expect(unused.map(({ name }) => name)).toEqual([]);
});

/** Formula, arguments, shapes and example: what a comment must say. What works on no tensor has no shapes. */
function lacking({ sort, doc, definition }: LibraryEntry): string[] {
  const shaped = sort !== "schedule" && sort !== "optimizer";
  const parts = ["Formula", ...(shaped ? ["Shapes"] : []), "Example"];
  const missing = parts.filter((part) => !new RegExp(`^${part}: \\S`, "m").test(doc));
  // x is what the formula is about.
  const params = definition()
    .params.map(({ name }) => name.text)
    .filter((name) => name !== "x");
  const text = /(?:^|\n)Arguments: [\s\S]*?(?:\n\n|$)/.exec(doc)?.[0] ?? "";
  return [
    ...missing,
    ...params.filter((name) => !new RegExp(`\`${name}(\`|\\s=)`).test(text)).map((name) => `argument ${name}`),
  ];
}

const documented = entries.filter(({ doc }) => doc !== "");

it.each(documented.map((entry) => [`${entry.sort} ${entry.name}`, entry] as const))("%s is described", (_, entry) => {
  expect(lacking(entry)).toEqual([]);
});

/** The assertions of statements and of the blocks in them. */
function assertions(statements: readonly Statement[]): AssertStatement[] {
  return statements.flatMap((s) =>
    s.kind === "assert" ? [s] : s.kind === "if" ? [...assertions(s.then), ...assertions(s.else)] : [],
  );
}

it("names a cure in every message", () => {
  const without = entries.flatMap(({ definition }) =>
    assertions(definition().body).filter(({ cure }) => cure === null),
  );
  expect(without.map(({ message }) => message)).toEqual([]);
});

/** Models that an example may be a line of. */
const settings: readonly ((example: string) => string)[] = [
  (example) => modelWith(example),
  (example) => modelWith(`${example}\nnet { identity }\nloss mse(net, image)`),
  (example) => modelWith(`${example}\nnet { identity }`),
  (example) => modelWith(`${example}\ninput image: f32[3, 32, 32]`),
  (example) => modelWith(`target values: f32[10]\n${example}`),
  (example) => modelWith(`target values: f32[10]\ntarget label: class[10]\n${example}`),
  (example) => modelWith(`net { ${example}; flatten; fc: linear(10) }`),
  (example) => modelWith(`net { conv2d(8, kernel = 1); ${example}; flatten; fc: linear(10) }`),
  (example) => modelWith(`net { flatten; ${example}; fc: linear(10) }`),
  (example) => modelWith(`net { flatten; linear(64); ${example}; fc: linear(10) }`),
  (example) => modelWith(`net { flatten; linear(64); ${example}; flatten; fc: linear(10) }`),
  (example) => modelWith(`layer own { ${example} }\nnet { reshape(in, [n, 3, 64]); own; flatten; fc: linear(10) }`),
  (example) => modelWith(`net { reshape(in, [n, 3, 64]); ${example}; flatten; fc: linear(10) }`),
  (example) => modelWith(`input words: i32[16]\nnet { ${example}; flatten; fc: linear(10) }`),
  (example) => modelWith(`layer branch = relu\nlayer own { ${example} }\nnet { own; flatten; fc: linear(10) }`),
  (example) => modelWith(`layer own(out = 8) { ${example}; in }\nnet { flatten; own; fc: linear(10) }`),
];

const examplesOf = entries.flatMap(({ sort, name, doc }) => {
  const example = exampleOf(doc);
  return example === undefined ? [] : [[`${sort} ${name}`, example] as const];
});

it.each(examplesOf)("the example of %s compiles", (_, example) => {
  const compiles = settings.some((setting) => check(setting(example)).model !== null);
  expect(compiles, example).toBe(true);
});
