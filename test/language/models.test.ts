/** Every model of models/ says in its header how many parameters it has, and what was measured. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { check } from "../errors/front-end.ts";

const folder = new URL("../../models/", import.meta.url);
const models = readdirSync(folder).filter((name) => name.endsWith(".model"));

it.each(models)("%s", (name) => {
  const text = readFileSync(new URL(name, folder), "utf8");
  const header = /^(\/\/.*\n)*/.exec(text)![0].replace(/\n\/\/ ?/g, " ");
  const parameters = check(text)
    .model!.module.tensors.filter(({ kind }) => kind === "param")
    .reduce((sum, { shape }) => sum + shape.reduce((size, dim) => size * dim, 1), 0);
  expect(header).toContain(`${parameters.toLocaleString("en")} parameters.`);
  expect(header).toMatch(/ Measured[^.]* \S/);
});
