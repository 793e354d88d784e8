/** The catalogue of messages and the functions that use it say the same. */
import { expect, it } from "vitest";
import type { MessageFunction } from "../../compiler/errors.ts";
import * as errors from "../../compiler/errors.ts";
import catalogue from "../../compiler/messages.md";
import { check, modelWith } from "./front-end.ts";

const entries = errors.readCatalogue(catalogue);
const functions = Object.values(errors).filter((f) => "code" in f) as unknown as MessageFunction<string>[];

it("has one function for each entry", () => {
  expect(functions.map((f) => f.code).sort()).toEqual([...entries.keys()].sort());
});

it.each(functions.map((f) => [f.code, f] as const))("%s fills every parameter of its text", (code, f) => {
  const text = entries.get(code)!.text;
  const used = [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
  expect(text).not.toBe("");
  expect([...new Set(used)].sort()).toEqual(f.params.filter((p) => used.includes(p)).sort());
  const values = Object.fromEntries(f.params.map((p) => [p, "?"]));
  const { message, help } = f(values, null);
  expect(`${message} ${help ?? ""}`).not.toMatch(/\{\w+\}/);
});

/** The section of each code. */
const sections = catalogue.split(/^### /m).slice(1);

it.each(sections.map((text) => [text.slice(0, text.indexOf("\n")), text] as const))(
  "%s is documented with an example and the cure",
  (_, text) => {
    expect(text).toMatch(/^```(model|text)\n[^`]+```$/m);
    expect(text).toMatch(/^Cure: \S/m);
  },
);

it("shows a correct model without diagnostics", () => {
  expect(check(modelWith("")).diagnostics).toEqual([]);
});
