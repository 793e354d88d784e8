/** The models that people start from, and the documentation's, give no warning. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { check } from "./front-end.ts";

const modelsOf = (folder: string): [name: string, text: string][] => {
  const path = fileURLToPath(new URL(`../../${folder}`, import.meta.url));
  const names = readdirSync(path).filter((name) => name.endsWith(".model"));
  return names.map((name) => [`${folder}/${name}`, readFileSync(`${path}/${name}`, "utf8")]);
};

it.each([...modelsOf("models"), ...modelsOf("docs/examples")])("%s", (_, text) => {
  expect(check(text).diagnostics).toEqual([]);
});
