/** The catalogue of messages and the functions that use it say the same, and each example gives the code that it stands for. */
import { describe, expect, it } from "vitest";
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

const examples = catalogue
  .split(/^### /m)
  .slice(1)
  .flatMap((part) => {
    const example = /```model\n([^`]*)```/.exec(part)?.[1];
    return example === undefined ? [] : [[part.slice(0, part.indexOf("\n")).trim(), example] as const];
  });

describe("examples", () => {
  it.each(examples)("%s", (code, example) => {
    const { diagnostics } = check(modelWith(example));
    expect(diagnostics.map((d) => d.code)).toContain(code);
    for (const { span } of diagnostics) expect(span).not.toBeNull();
  });
});

it("shows a correct model without diagnostics", () => {
  expect(check(modelWith("")).diagnostics).toEqual([]);
});
