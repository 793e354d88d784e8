/** The IR of every model of the repository, at every stage: what is printed parses back to the same, and is well-formed. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { stages } from "../../compiler/explain.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import { parseModule, printModule } from "../../compiler/ir/text.ts";
import { verify } from "../../compiler/ir/verify.ts";

const folder = fileURLToPath(new URL("../../models", import.meta.url));

test.each(readdirSync(folder).filter((name) => name.endsWith(".model")))("%s", (name) => {
  const seen: string[] = [];
  compile(readFileSync(`${folder}/${name}`, "utf8"), {
    file: name,
    observe: (stage, module) => {
      seen.push(stage);
      verify(module);
      const text = printModule(module);
      const parsed = parseModule(text, new Builder());
      verify(parsed);
      expect(printModule(parsed)).toBe(text);
    },
  });
  // What comes after the passes is no graph.
  expect(seen).toEqual(stages.map(({ name }) => name).slice(0, seen.length));
  expect(stages.slice(seen.length).map(({ name }) => name)).toEqual(["fusion", "memory", "loops"]);
});
