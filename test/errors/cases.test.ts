/** Each folder of cases/ holds a model (and perhaps files to import, and `--set` arguments, one a line) and what the compiler says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { diagnosticJson, renderDiagnostic } from "../../compiler/diagnostics-text.ts";
import { check } from "./front-end.ts";

const folder = fileURLToPath(new URL("cases", import.meta.url));

function overridesOf(path: string): Record<string, string> {
  if (!existsSync(path)) return {};
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

it.each(readdirSync(folder))("%s", async (name) => {
  const text = readFileSync(`${folder}/${name}/input.model`, "utf8");
  const files = Object.fromEntries(
    readdirSync(`${folder}/${name}`, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".model"))
      .map((file) => [file, readFileSync(`${folder}/${name}/${file}`, "utf8")]),
  );
  const { diagnostics } = check(text, overridesOf(`${folder}/${name}/set.txt`), "input.model", files);
  // Lines of the library change for reasons of its own.
  const rendered = diagnostics
    .map((d) => renderDiagnostic(d).replace(/\((std\/[\w-]+\.model):\d+:\d+\)/g, "($1)"))
    .join("\n\n");
  expect(diagnostics.length).toBeGreaterThan(0);
  for (const { span } of diagnostics) expect(span).not.toBeNull();
  await expect(`${rendered}\n`).toMatchFileSnapshot(`${folder}/${name}/expected.txt`);
});

it("gives places as lines and columns from 1 to tools", () => {
  const [first] = check("model m {\n  net { flaten }\n  input x: f32[2]\n}").diagnostics.map(diagnosticJson);
  expect(first).toMatchObject({
    severity: "error",
    code: "missing-clause",
    place: { file: "input.model", line: 1, column: 7, endLine: 1, endColumn: 8 },
  });
});

it("colours only where asked", () => {
  const [first] = check("").diagnostics;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour
  const colour = /\u001b/;
  expect(renderDiagnostic(first)).not.toMatch(colour);
  expect(renderDiagnostic(first, { color: true })).toMatch(colour);
});
